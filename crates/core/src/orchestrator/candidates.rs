//! Which candidates a request is for, and what is wrong with those that somebody names.

use std::sync::Arc;

use super::Run;
use crate::{Candidate, Error, ErrorKind, ProviderId, RequestOptions, Result, nearest};

/// The candidates that may be asked, in the order of registration.
pub(super) fn capable(run: &Run, over: &RequestOptions) -> Result<Arc<Vec<Arc<Candidate>>>> {
    let (all, request) = (&run.all, run.request());
    let missing = |candidate: &Candidate| candidate.capabilities(request).missing_for(request);
    // Mostly all of them may be asked as they are, which need not be written down anew.
    if over.providers.is_none() && over.model.is_none() && !all.iter().any(|one| missing(one).is_some()) {
        return Ok(Arc::clone(all));
    }
    let mut chosen = match &over.providers {
        None => all.to_vec(),
        Some(ids) => ids.iter().map(|id| find(all, id)).collect::<Result<_>>()?,
    };
    if let Some(ids) = &over.providers {
        // A candidate that is named twice is still one voice.
        let mut place = 0..;
        chosen.retain(|candidate| {
            let place = place.next().unwrap_or(ids.len());
            !ids[..place.min(ids.len())].contains(&candidate.id)
        });
    }
    if chosen.is_empty() {
        let message = "`providers` names no candidate: name one, or leave it out to ask all";
        return Err(Error::new(ErrorKind::Config, message));
    }
    if let Some(model) = &over.model {
        for candidate in &mut chosen {
            *candidate = Arc::new(candidate.asked_for(model.clone()));
        }
    }
    let (mut wanted, mut unable) = (None, Vec::new());
    chosen.retain(|candidate| match missing(candidate) {
        None => true,
        Some(what) => {
            run.note(format!("{} was not asked: it cannot take {what}", candidate.id));
            wanted = Some(what);
            unable.push(candidate.id.to_string());
            false
        }
    });
    if let Some(what) = wanted.filter(|_| chosen.is_empty()) {
        let message = format!(
            "no candidate can take {what}, which the request asks for: register one that can (these cannot: {})",
            unable.join(", ")
        );
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    Ok(Arc::new(chosen))
}

impl Run {
    /// Puts the model of the only candidate into the request while nobody else holds that, so that it need not be copied when
    /// the candidate is asked. Whoever might be asked in its place has a model of its own.
    pub(super) fn put_model_in(&mut self) {
        if let ([only], Some(request)) = (&**self.candidates, Arc::get_mut(&mut self.request))
            && self.all.iter().all(|candidate| candidate.model().is_some())
        {
            request.model = only.model().cloned();
        }
    }
}

/// The candidate of that name.
pub(super) fn find(candidates: &[Arc<Candidate>], id: &ProviderId) -> Result<Arc<Candidate>> {
    let found = candidates.iter().find(|candidate| candidate.id == *id);
    found.cloned().ok_or_else(|| unknown_provider(id.as_str(), candidates))
}

pub(super) fn unknown_provider(id: &str, candidates: &[Arc<Candidate>]) -> Error {
    let names: Vec<_> = candidates.iter().map(|candidate| candidate.id.as_str()).collect();
    let advice = match nearest(id, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "none is registered".to_owned(),
        None => format!("registered: {}", names.join(", ")),
    };
    Error::new(ErrorKind::Config, format!("no provider `{id}` is registered: {advice}"))
}

/// Refuses fallbacks that lead back to the candidate that names them.
pub(super) fn refuse_circle(candidates: &[Arc<Candidate>], new: &Arc<Candidate>) -> Result<()> {
    let mut path = vec![new.id.clone()];
    let mut open: Vec<(usize, ProviderId)> = new.terms.fallbacks.iter().map(|id| (1, id.clone())).collect();
    let mut seen: Vec<ProviderId> = Vec::new();
    while let Some((depth, id)) = open.pop() {
        path.truncate(depth);
        path.push(id.clone());
        if id == new.id {
            let names: Vec<_> = path.iter().map(ProviderId::as_str).collect();
            let message =
                format!("the fallbacks run in a circle ({}): take one of them out", names.join(" → "));
            return Err(Error::new(ErrorKind::Config, message).with_provider(new.id.clone()));
        }
        if seen.contains(&id) {
            continue;
        }
        if let Some(next) = candidates.iter().find(|candidate| candidate.id == id) {
            open.extend(next.terms.fallbacks.iter().map(|id| (depth + 1, id.clone())));
        }
        seen.push(id);
    }
    Ok(())
}
