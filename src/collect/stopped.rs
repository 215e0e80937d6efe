//! Why a collection ends early.

use std::time::Duration;

use tokio::sync::watch;

/// Ctrl-C.
pub(crate) const INTERRUPTED: &str = "interrupted";
/// SIGTERM.
pub(crate) const TERMINATED: &str = "terminated";
/// `--deadline`.
pub(crate) const DEADLINE: &str = "stopped at the deadline";

/// Turns signals and the deadline into a reason to stop; a second signal ends the process at once.
pub(super) async fn listen(stop: watch::Sender<Option<&'static str>>, deadline: Option<Duration>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return;
    };
    let timer = async {
        match deadline {
            Some(deadline) => tokio::time::sleep(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(timer);
    let mut over = false;
    loop {
        let (why, code) = tokio::select! {
            _ = interrupt.recv() => (INTERRUPTED, 130),
            _ = terminate.recv() => (TERMINATED, 143),
            () = &mut timer, if !over => {
                over = true;
                (DEADLINE, 0)
            }
        };
        let before = stop.send_replace(Some(why));
        if code != 0 && before.is_some_and(|before| before != DEADLINE) {
            std::process::exit(code);
        }
    }
}
