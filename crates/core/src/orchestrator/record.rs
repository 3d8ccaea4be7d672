//! What is written down of one ask.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Answer, Aside, Event, ProviderResponse, ResponseStatus, Run};
use crate::{
    AbandonReason, CallContext, Candidate, ChatRequest, ChatResponse, Error, ErrorKind, ErrorReport, Result,
};

/// What is written down of one ask. Dropped before its end, the candidate was given up.
#[derive(Debug)]
pub(super) struct Record<'run> {
    run: &'run Run,
    pub(super) candidate: Arc<Candidate>,
    /// What the candidate is asked under.
    pub(super) cx: CallContext,
    /// Its place among the responses; what is asked aside has none.
    place: Option<usize>,
    aside: Option<Aside>,
    /// The request was sent as it came.
    pub(super) is_native: bool,
    started: Instant,
    open: bool,
}

impl<'run> Record<'run> {
    pub(super) fn open(
        run: &'run Run,
        candidate: &Arc<Candidate>,
        request: &ChatRequest,
        cx: CallContext,
        aside: Option<Aside>,
    ) -> Result<Self> {
        let ask = cx.ask();
        let mut state = run.state();
        let mut place = None;
        match aside {
            None => {
                let most = run.most_providers();
                if state.asked() >= most && !state.was_asked(&candidate.id) {
                    let message = format!("not asked: `max_providers_per_request` is {most}");
                    let error = Error::new(ErrorKind::Exhausted, message);
                    return Err(error.with_provider(candidate.id.clone()));
                }
                place = Some(state.responses.len());
                state.responses.push(ProviderResponse {
                    provider_id: candidate.id.clone(),
                    provider_name: Arc::clone(&candidate.provider_name),
                    model: request.model.clone().map(Into::into),
                    status: ResponseStatus::Running,
                    used: false,
                    response: None,
                    error: None,
                    reason: None,
                    duration_seconds: 0.0,
                    ask,
                });
            }
            Some(Aside::Synthesis) => state.syntheses.push((ask, false)),
            // What a comparison found is used whatever becomes of the answer.
            Some(Aside::Analysis) => {}
        }
        drop(state);
        Ok(Self {
            run,
            candidate: Arc::clone(candidate),
            cx,
            place,
            aside,
            is_native: request.native.is_some(),
            started: Instant::now(),
            open: true,
        })
    }

    fn close(&mut self, change: impl FnOnce(&mut ProviderResponse)) {
        self.open = false;
        let duration_seconds = self.started.elapsed().as_secs_f64();
        if let Some(place) = self.place
            && let Some(response) = self.run.state().responses.get_mut(place)
        {
            response.duration_seconds = duration_seconds;
            change(response);
        }
    }

    pub(super) async fn finish(&mut self, result: Result<Arc<ChatResponse>>) -> Result<Answer> {
        let response = match result {
            Ok(response) => response,
            Err(error) => return Err(Box::pin(self.fail(error)).await),
        };
        let good = response.is_good();
        self.close(|record| {
            record.status = if good { ResponseStatus::Answered } else { ResponseStatus::NotGood };
            record.response = Some(Arc::clone(&response));
        });
        if self.run.has_listener() && self.place.is_some() {
            let (provider_id, duration_seconds) =
                (self.candidate.id.clone(), self.started.elapsed().as_secs_f64());
            self.run.emit(Event::Answered { provider_id, duration_seconds, good }).await;
        }
        Ok(Answer { candidate: Arc::clone(&self.candidate), response, ask: self.cx.ask() })
    }

    pub(super) async fn fail(&mut self, error: Error) -> Error {
        let error = match error.provider() {
            Some(_) => error,
            None => error.with_provider(self.candidate.id.clone()),
        };
        let report = ErrorReport::from(&error);
        self.close(|record| {
            record.status = ResponseStatus::Failed;
            let partial = error.partial().cloned().map(Box::new);
            record.error = Some(ErrorReport { partial, ..report.clone() });
        });
        let what =
            self.aside.map_or_else(|| "failed".to_owned(), |aside| format!("failed at {}", aside.as_str()));
        self.run.note(format!("{} {what}: {} ({})", self.candidate.id, error.message(), error.kind()));
        if self.run.has_listener() && self.place.is_some() {
            self.run.emit(Event::Failed { provider_id: self.candidate.id.clone(), error: report }).await;
        }
        error
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        if self.open {
            let reason = self.cx.abandonment().unwrap_or(AbandonReason::CallerLeft);
            self.close(|record| {
                record.status = ResponseStatus::Abandoned;
                record.reason = Some(reason);
            });
            if self.place.is_some() {
                self.run.note(format!(
                    "{} was given up: {}",
                    self.candidate.id,
                    reason.as_str().replace('_', " ")
                ));
                self.run.try_emit(Event::Abandoned { provider_id: self.candidate.id.clone(), reason });
            }
        }
    }
}
