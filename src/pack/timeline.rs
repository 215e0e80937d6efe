//! The tasks of all tenants, one by one, in order of time.

use std::borrow::Borrow;

use super::input::{Item, Load, Step, Tenant};
use crate::model::units::Window;

/// More tasks than this are not followed one by one.
const MOST_TASKS: usize = 20_000_000;

/// One task of a tenant, cut to the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Task {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) tenant: u32,
}

impl Task {
    pub(super) const fn ms(&self) -> i64 {
        self.end_ms - self.start_ms
    }
}

/// Tenants with their tasks in a window, one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    pub(super) items: Vec<Item>,
    /// By start; `None` where there are too many to follow.
    pub(super) tasks: Option<Vec<Task>>,
    pub(super) window: Window,
}

impl Work {
    /// What these tenants do inside `window`; each is looked at once.
    pub fn new(tenants: impl IntoIterator<Item = impl Borrow<Tenant>>, window: Window) -> Self {
        let (mut items, mut tasks) = (Vec::new(), Some(Vec::new()));
        for (tenant, at) in tenants.into_iter().zip(0..) {
            let tenant = tenant.borrow();
            items.push(tenant.item.clone());
            tasks = tasks.and_then(|tasks| with_tasks(tasks, &tenant.load, at, window));
        }
        if let Some(tasks) = &mut tasks {
            tasks.sort_unstable();
            tasks.shrink_to_fit();
        }
        Self {
            items,
            tasks,
            window,
        }
    }

    /// When.
    pub fn window(&self) -> Window {
        self.window
    }

    /// How long the tasks of each tenant ran: the sum of their milliseconds, and that of the squares; `None` where they
    /// are too many to follow.
    pub fn lengths(&self) -> Option<Vec<(i128, i128)>> {
        let mut lengths = vec![(0, 0); self.items.len()];
        for task in self.tasks.as_ref()? {
            let ms = i128::from(task.ms());
            let (sum, squares) = &mut lengths[task.tenant as usize];
            *sum += ms;
            *squares += ms * ms;
        }
        Some(lengths)
    }

    /// How long the tasks of each tenant run, together; 0 where there are too many to follow.
    pub fn task_ms(&self) -> Vec<i64> {
        let mut all_ms = vec![0; self.items.len()];
        for task in self.tasks.iter().flatten() {
            all_ms[task.tenant as usize] += task.ms();
        }
        all_ms
    }

    /// The work of the tenants at these places, which are in order.
    #[must_use]
    pub fn of(&self, places: &[usize]) -> Self {
        let mut new_place = vec![None; self.items.len()];
        for (new, &place) in (0_u32..).zip(places) {
            new_place[place] = Some(new);
        }
        let among = |task: &Task| {
            let tenant = new_place[task.tenant as usize]?;
            Some(Task { tenant, ..*task })
        };
        let tasks = self.tasks.as_ref();
        Self {
            items: places.iter().map(|&at| self.items[at].clone()).collect(),
            tasks: tasks.map(|tasks| tasks.iter().filter_map(among).collect()),
            window: self.window,
        }
    }
}

/// The `tasks` with those of one more tenant that touch `window`; `None` where there are too many to follow.
fn with_tasks(mut tasks: Vec<Task>, load: &Load, tenant: u32, window: Window) -> Option<Vec<Task>> {
    let mut sink = Sink {
        tasks: &mut tasks,
        tenant,
        window,
    };
    match load {
        Load::Runs(runs) => runs
            .iter()
            .try_for_each(|&(from, to)| sink.push(from, to))?,
        Load::Tasks(steps) => nested(steps, &mut sink)?,
    }
    Some(tasks)
}

struct Sink<'a> {
    tasks: &'a mut Vec<Task>,
    tenant: u32,
    window: Window,
}

impl Sink<'_> {
    fn push(&mut self, from_ms: i64, to_ms: i64) -> Option<()> {
        let (start_ms, end_ms) = (
            from_ms.max(self.window.from_ms),
            to_ms.min(self.window.to_ms),
        );
        if start_ms < end_ms {
            let tenant = self.tenant;
            self.tasks.push(Task {
                start_ms,
                end_ms,
                tenant,
            });
        }
        (self.tasks.len() <= MOST_TASKS).then_some(())
    }
}

/// Turns a count over time into tasks: whoever started last stops first.
fn nested(steps: &[Step], sink: &mut Sink<'_>) -> Option<()> {
    let mut open: Vec<i64> = Vec::new();
    let mut reached = i64::MIN;
    for step in steps.iter().filter(|step| step.from_ms < step.to_ms) {
        let from_ms = step.from_ms.max(reached);
        if from_ms > reached {
            stop(&mut open, 0, reached, sink)?;
        }
        let tasks = usize::try_from(step.tasks).unwrap_or(usize::MAX);
        stop(&mut open, tasks, from_ms, sink)?;
        if tasks > MOST_TASKS {
            return None;
        }
        open.resize(tasks, from_ms);
        reached = step.to_ms.max(from_ms);
    }
    stop(&mut open, 0, reached, sink)
}

fn stop(open: &mut Vec<i64>, left: usize, at_ms: i64, sink: &mut Sink<'_>) -> Option<()> {
    while open.len() > left {
        let from_ms = open.pop()?;
        sink.push(from_ms, at_ms)?;
    }
    Some(())
}

/// A tenant's tasks become more or fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) at_ms: i64,
    pub(super) tenant: u32,
    pub(super) tasks: i32,
}

/// Starts and stops of tasks that are in order of their start, in order of time; whoever starts comes first.
pub(super) fn changes(tasks: &[Task]) -> Vec<Change> {
    let mut stops: Vec<(i64, u32)> = tasks
        .iter()
        .map(|task| (task.end_ms, task.tenant))
        .collect();
    stops.sort_unstable();
    let mut changes: Vec<Change> = Vec::with_capacity(2 * tasks.len());
    let mut stops = stops.into_iter().peekable();
    for task in tasks {
        while let Some((at_ms, tenant)) = stops.next_if(|(at_ms, _)| *at_ms < task.start_ms) {
            changes.push(Change {
                at_ms,
                tenant,
                tasks: -1,
            });
        }
        changes.push(Change {
            at_ms: task.start_ms,
            tenant: task.tenant,
            tasks: 1,
        });
    }
    changes.extend(stops.map(|(at_ms, tenant)| Change {
        at_ms,
        tenant,
        tasks: -1,
    }));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window {
        from_ms: 0,
        to_ms: 100,
    };

    fn task(start_ms: i64, end_ms: i64) -> Task {
        Task {
            start_ms,
            end_ms,
            tenant: 0,
        }
    }

    fn tasks_of(load: Load) -> Vec<Task> {
        let item = Item::default();
        Work::new([Tenant { item, load }], WINDOW).tasks.unwrap()
    }

    fn step(from_ms: i64, to_ms: i64, tasks: u32) -> Step {
        Step {
            from_ms,
            to_ms,
            tasks,
        }
    }

    #[test]
    fn the_task_started_last_stops_first() {
        let load = Load::Tasks(vec![step(0, 10, 1), step(10, 20, 3), step(20, 30, 2)]);
        assert_eq!(tasks_of(load), [task(0, 30), task(10, 20), task(10, 30)]);
    }

    #[test]
    fn a_gap_stops_every_task() {
        let load = Load::Tasks(vec![step(0, 10, 1), step(20, 30, 1)]);
        assert_eq!(tasks_of(load), [task(0, 10), task(20, 30)]);
    }

    #[test]
    fn runs_are_cut_to_the_window() {
        let load = Load::Runs(vec![(-5, 5), (90, 120), (-9, 0), (100, 110), (7, 7)]);
        assert_eq!(tasks_of(load), [task(0, 5), task(90, 100)]);
    }

    #[test]
    fn a_count_beyond_what_can_be_followed_is_none() {
        let item = Item::default();
        let load = Load::Tasks(vec![step(0, 10, u32::MAX)]);
        assert_eq!(Work::new([Tenant { item, load }], WINDOW).tasks, None);
    }
}
