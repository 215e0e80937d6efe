//! What was asked, how often, and what came of it: the memory of the server.

use std::collections::HashMap;
use std::time::Instant;

use super::faults::{Fault, Kind};
use super::target::Target;

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// In order of arrival.
    pub(crate) n: usize,
    /// As IAM spells it, `ecs:ListTasks`.
    pub(crate) op: String,
    pub(crate) account: String,
    pub(crate) region: String,
    /// The same for the same question.
    pub(crate) what: u64,
    /// Asks for a page after the first.
    pub(crate) has_token: bool,
    /// The name of the fault that struck it.
    pub(crate) fault: Option<String>,
    /// As answered; `None` where nothing was.
    pub(crate) status: Option<u16>,
    /// The whole answer went out.
    pub(crate) answered: bool,
    pub(crate) at: Instant,
}

/// Calls, and the faults to come.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    all: Vec<Call>,
    /// Each with the number of calls it was about.
    faults: Vec<(Fault, u64)>,
    /// How often each question was asked.
    times: HashMap<u64, u64>,
}

impl Calls {
    /// Takes note of a request; tells its number, the seconds by which the server's clock is ahead, and the fault that
    /// strikes it: the first that does.
    pub(crate) fn begin(&mut self, target: &Target) -> (usize, i64, Option<Kind>) {
        let time = self.times.entry(target.what).or_default();
        let (this_time, mut ahead_s, mut strikes) = (*time, 0, None);
        *time += 1;
        for (fault, about) in &mut self.faults {
            if !fault.is_about(
                &target.op,
                &target.account,
                &target.region,
                target.token.is_some(),
            ) {
                continue;
            }
            let is_now = fault.when.is_now(*about, target.what, this_time);
            *about += 1;
            match fault.kind {
                _ if !is_now => {}
                Kind::DateOffset(seconds) => ahead_s = seconds,
                _ if strikes.is_none() => strikes = Some(fault.kind.clone()),
                _ => {}
            }
        }
        let n = self.all.len();
        self.all.push(Call {
            n,
            op: target.op.clone(),
            account: target.account.clone(),
            region: target.region.clone(),
            what: target.what,
            has_token: target.token.is_some(),
            fault: strikes
                .as_ref()
                .map(Kind::name)
                .or_else(|| (ahead_s != 0).then(|| Kind::DateOffset(ahead_s).name())),
            status: None,
            answered: false,
            at: Instant::now(),
        });
        (n, ahead_s, strikes)
    }

    /// The call number `n` is answered, wholly or not. It may have been cleared away meanwhile.
    pub(crate) fn end(&mut self, n: usize, status: u16, answered: bool) {
        if let Some(call) = self.all.get_mut(n) {
            (call.status, call.answered) = (Some(status), answered);
        }
    }

    pub(crate) fn all(&self) -> &[Call] {
        &self.all
    }

    /// Forgets every call; faults begin to count anew.
    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.times.clear();
        self.faults.iter_mut().for_each(|(_, about)| *about = 0);
    }

    pub(crate) fn set_faults(&mut self, faults: Vec<Fault>) {
        self.faults = faults.into_iter().map(|fault| (fault, 0)).collect();
    }
}
