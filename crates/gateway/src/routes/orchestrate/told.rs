//! What happens during a request as server-sent events, each the JSON of its event.

use axum::response::Response;
use ultraai::{Error, Event, Framing, Result};
use ultraai_wire::write_event;

use super::{super::Exchange, body_of, refused};
use crate::answer::{Sheet, Words};

/// Tells an outcome in the library's own words.
#[derive(Debug)]
pub(super) struct Told;

impl Words for Told {
    fn take(&mut self, event: Event, sheet: &mut Sheet) -> Result<()> {
        match &event {
            Event::Started { strategy, .. } => {
                sheet.exchange.record.strategy = Some(strategy.clone().into());
            }
            Event::Finished { outcome } => sheet.exchange.answered(outcome),
            // What was read from it follows in words of the library.
            Event::Frame { .. } => return Ok(()),
            _ => {}
        }
        let body = serde_json::to_vec(&event).expect("an event has text for keys");
        write_event(Framing::ServerSentEvents, event.name(), &body, &mut sheet.out);
        Ok(())
    }

    fn fail(&mut self, error: &Error, sheet: &mut Sheet) {
        let body = body_of(error, &sheet.exchange.record.ledger).to_string();
        write_event(Framing::ServerSentEvents, "error", body.as_bytes(), &mut sheet.out);
    }

    fn refused(exchange: Exchange, error: &Error) -> Response {
        refused(exchange, error)
    }
}
