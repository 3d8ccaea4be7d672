//! Several things at once, in one task.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

/// Does all of `work` at the same time, and hands back what became of each, in their order.
pub(crate) async fn together<'a, T>(work: impl IntoIterator<Item = impl Future<Output = T> + 'a>) -> Vec<T> {
    let mut open: Vec<Pin<Box<dyn Future<Output = T> + 'a>>> =
        work.into_iter().map(|one| Box::pin(one) as _).collect();
    let mut done: Vec<Option<T>> = open.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (one, done) in open.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(value) = one.as_mut().poll(cx)
            {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}
