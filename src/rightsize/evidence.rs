//! Was enough seen to say anything? Every check that fails is listed with its figures; none is guessed away.
//!
//! A **service** runs all the time: it must have been read on enough days and from end to end of a whole
//! week. A **job** (a task family or a build project) does not, and a day without a run is no gap. It passes
//! on as many days as a service, or as a rare job on [`RARE_JOB`] runs on as many days (three weekly runs);
//! its week is counted in calendar days, so that a nightly job is not short of one for the hours before its
//! first run.

use crate::demand::{Demand, Usage};
use crate::model::finding::{Reason, ReasonCode};
use crate::model::units::{MS_PER_DAY, TaskSize, Window};
use crate::model::workload::{Configuration, Kind, Platform};

use super::policy::SizingPolicy;
use super::wording::figure;

/// Runs, and days with samples, that a job needs when it does not run on [`SizingPolicy::min_days`] days.
const RARE_JOB: i64 = 3;
/// A little above the size may be a matter of rounding or of two samples in one.
const IMPOSSIBLE: f64 = 1.05;
/// Days in a weekly cycle.
const WEEK_DAYS: i64 = 7;

/// What an estimate stands on.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) cpu: &'a Usage,
    pub(super) memory: &'a Usage,
    pub(super) size: TaskSize,
}

/// What was seen, if it is enough; otherwise every reason why not.
pub(super) fn sufficient<'a>(
    demand: &'a Demand,
    policy: &SizingPolicy,
    window: Window,
) -> Result<Seen<'a>, Vec<Reason>> {
    let resources = [
        Resource::new("CPU", demand.cpu.as_ref()),
        Resource::new("memory", demand.memory.as_ref()),
    ];
    let read: Vec<_> = resources
        .iter()
        .filter_map(|resource| Some((resource.name, resource.usable()?)))
        .collect();
    let mut missing: Vec<_> = resources.iter().filter_map(Resource::spoilt).collect();
    missing.extend(unread(demand, &resources));
    missing.extend(too_few_days(demand, &read, policy));
    missing.extend(no_full_week(demand, &read));
    missing.extend(too_few_samples(&read, policy));
    missing.extend(resized_recently(demand, policy, window));
    missing.extend(size_unknown(demand));
    missing.extend(several_sizes(demand));
    missing.extend(impossible_memory(demand));
    missing.extend(impossible_cpu(demand));
    match (
        resources[0].usable(),
        resources[1].usable(),
        demand.current_size(),
    ) {
        (Some(cpu), Some(memory), Some(size)) if missing.is_empty() => {
            Ok(Seen { cpu, memory, size })
        }
        _ => Err(missing),
    }
}

/// The samples of one resource.
struct Resource<'a> {
    name: &'static str,
    usage: Option<&'a Usage>,
}

impl<'a> Resource<'a> {
    fn new(name: &'static str, usage: Option<&'a Usage>) -> Self {
        Self {
            name,
            usage: usage.filter(|usage| usage.samples > 0),
        }
    }

    /// Samples whose maximum means something. A container that runs uses some CPU and memory, so nothing
    /// but zeros is a broken metric.
    fn usable(&self) -> Option<&'a Usage> {
        self.usage
            .filter(|usage| usage.max.is_finite() && usage.max > 0.0)
    }

    /// Samples are there, but mean nothing.
    fn spoilt(&self) -> Option<Reason> {
        let usage = self.usage.filter(|_| self.usable().is_none())?;
        let text = format!(
            "the highest of {} {} samples is {}: not a measurement",
            usage.samples, self.name, usage.max
        );
        Some(Reason::new(ReasonCode::NoUtilizationData, text))
    }
}

/// No samples of a resource at all, and what to do about it.
fn unread(demand: &Demand, resources: &[Resource]) -> Option<Reason> {
    let names: Vec<_> = resources
        .iter()
        .filter(|resource| resource.usage.is_none())
        .map(|resource| resource.name)
        .collect();
    if names.is_empty() {
        return None;
    }
    let names = names.join(" and ");
    let unsized_samples = demand.evidence.samples_without_size;
    if unsized_samples > 0 {
        let text = format!(
            "no {names} samples in vCPU or MiB: no source tells the size at the time of {unsized_samples} samples"
        );
        return Some(Reason::new(ReasonCode::SizeUnknown, text));
    }
    let advice = match demand.workload.kind {
        Kind::Service => "import its AWS/ECS utilization metrics, or switch on Container Insights",
        Kind::Task => {
            "switch on Container Insights: AWS publishes none for standalone tasks without it"
        }
        Kind::Build => {
            "CodeBuild publishes them only for builds of more than a minute, and not in every Region"
        }
    };
    Some(Reason::new(
        ReasonCode::NoUtilizationData,
        format!("no {names} samples; {advice}"),
    ))
}

fn too_few_days(demand: &Demand, read: &[(&str, &Usage)], policy: &SizingPolicy) -> Vec<Reason> {
    let (enough, instead) = match demand.workload.kind {
        Kind::Service => (policy.min_days, String::new()),
        Kind::Task | Kind::Build if demand.runs.count >= RARE_JOB => {
            (policy.min_days.min(RARE_JOB), rare_job(demand))
        }
        Kind::Task | Kind::Build => (policy.min_days, rare_job(demand)),
    };
    let short = fewer_than(enough, read, |usage| {
        usage.daily_max.len().try_into().unwrap_or(i64::MAX)
    });
    let text = |(names, days)| {
        format!(
            "{days} of {} days with {names} samples seen{instead}",
            policy.min_days
        )
    };
    short
        .into_iter()
        .map(|short| Reason::new(ReasonCode::TooFewDays, text(short)))
        .collect()
}

fn rare_job(demand: &Demand) -> String {
    format!(
        "; {RARE_JOB} runs on {RARE_JOB} days would do for a rare job, of which {} seen",
        demand.runs.count
    )
}

/// Less than a week from the first to the last sample.
fn no_full_week(demand: &Demand, read: &[(&str, &Usage)]) -> Option<Reason> {
    let calendar = read.iter().map(|(_, usage)| calendar_days(usage)).min()? as f64;
    let days = match demand.workload.kind {
        Kind::Service => {
            calendar.min(span_ms(demand, demand.evidence.first_ms) as f64 / MS_PER_DAY as f64)
        }
        Kind::Task | Kind::Build => calendar,
    };
    let text = || {
        format!(
            "{} of a week's {WEEK_DAYS} days from the first to the last sample",
            rounded_down(days)
        )
    };
    (days < WEEK_DAYS as f64).then(|| Reason::new(ReasonCode::NoFullWeek, text()))
}

fn too_few_samples(read: &[(&str, &Usage)], policy: &SizingPolicy) -> Vec<Reason> {
    let short = fewer_than(policy.min_samples, read, |usage| usage.samples);
    let text =
        |(names, samples)| format!("{samples} of {} {names} samples seen", policy.min_samples);
    short
        .into_iter()
        .map(|short| Reason::new(ReasonCode::TooFewSamples, text(short)))
        .collect()
}

/// The present size came into force inside the window, too shortly before the last sample.
fn resized_recently(demand: &Demand, policy: &SizingPolicy, window: Window) -> Option<Reason> {
    let resized_ms = demand.resized_ms.filter(|&at| at > window.from_ms)?;
    let seen_ms = span_ms(demand, resized_ms).max(0);
    let days = rounded_down(seen_ms as f64 / MS_PER_DAY as f64);
    let text = || {
        format!(
            "{days} of {} days seen since it was resized",
            policy.min_days
        )
    };
    (seen_ms < policy.min_days.saturating_mul(MS_PER_DAY))
        .then(|| Reason::new(ReasonCode::ResizedRecently, text()))
}

/// A size of 0 is how some sources spell "none set".
fn size_unknown(demand: &Demand) -> Option<Reason> {
    let known = |part: Option<u32>| part.is_some_and(|part| part > 0);
    let current = demand.current.as_ref();
    let parts = [
        ("CPU", current.and_then(|current| current.cpu_units)),
        ("memory", current.and_then(|current| current.memory_mib)),
    ];
    let unknown: Vec<_> = parts
        .into_iter()
        .filter(|(_, part)| !known(*part))
        .map(|(name, _)| name)
        .collect();
    let text = || format!("no source tells its {} size", unknown.join(" and "));
    (!unknown.is_empty()).then(|| Reason::new(ReasonCode::SizeUnknown, text()))
}

/// Two compute types in a project, two sizes of one family: the samples of the one say nothing of the other.
fn several_sizes(demand: &Demand) -> Option<Reason> {
    let sizes = demand.pace.as_ref()?.sizes();
    let names: Vec<String> = sizes
        .iter()
        .map(|size| format!("{} vCPU / {} GiB", figure(size.vcpu()), figure(size.gib())))
        .collect();
    let text = || {
        format!(
            "it runs at {} sizes side by side ({}), and its samples do not tell which is which",
            names.len(),
            names.join(", ")
        )
    };
    (sizes.len() > 1).then(|| Reason::new(ReasonCode::SeveralSizes, text()))
}

/// Fargate ends a task before it uses more memory than its size; a sample far above it is of something else.
fn impossible_memory(demand: &Demand) -> Option<Reason> {
    let on_fargate = configurations(demand)
        .filter(|configuration| configuration.platform() == Some(Platform::Fargate));
    let largest = on_fargate
        .filter_map(|configuration| configuration.memory_mib)
        .max()?;
    let peak = demand.memory.as_ref()?.max;
    let text = || {
        format!(
            "the highest memory sample is {} MiB, but its tasks never had more than {largest} MiB",
            figure(peak)
        )
    };
    (peak > f64::from(largest) * IMPOSSIBLE)
        .then(|| Reason::new(ReasonCode::ImplausibleData, text()))
}

/// A build cannot use more CPU than its machine has; where it seems to, `CPUUtilized` is in another unit than vCPU.
fn impossible_cpu(demand: &Demand) -> Option<Reason> {
    if demand.workload.kind != Kind::Build {
        return None;
    }
    let largest = configurations(demand)
        .filter_map(|configuration| configuration.cpu_units)
        .max()?;
    let (peak, largest) = (demand.cpu.as_ref()?.max, f64::from(largest) / 1024.0);
    let text = || {
        format!(
            "the highest CPU sample is {} vCPU, but its machines never had more than {}: `CPUUtilizedPercent` would tell",
            figure(peak),
            figure(largest)
        )
    };
    (peak > largest * IMPOSSIBLE).then(|| Reason::new(ReasonCode::ImplausibleData, text()))
}

/// Those that ran, and the present one.
fn configurations(demand: &Demand) -> impl Iterator<Item = &Configuration> {
    let ran = demand.ran.iter();
    ran.map(|component| &component.configuration)
        .chain(&demand.current)
}

/// The resources with fewer than `needed`, and how many; named together where they have equally many.
fn fewer_than(
    needed: i64,
    read: &[(&str, &Usage)],
    count: impl Fn(&Usage) -> i64,
) -> Vec<(String, i64)> {
    let counted = read
        .iter()
        .map(|&(name, usage)| (name.to_owned(), count(usage)));
    let short: Vec<_> = counted.filter(|(_, count)| *count < needed).collect();
    match short.as_slice() {
        [(first, count), (second, other)] if count == other => {
            vec![(format!("{first} and {second}"), *count)]
        }
        _ => short,
    }
}

/// From `from_ms` to the end of the last sample, which begins a period earlier.
fn span_ms(demand: &Demand, from_ms: i64) -> i64 {
    let periods = [&demand.cpu, &demand.memory]
        .into_iter()
        .flatten()
        .map(|usage| usage.period_s);
    let period_ms = periods.max().unwrap_or(0).saturating_mul(1000);
    demand
        .evidence
        .last_ms
        .saturating_add(period_ms)
        .saturating_sub(from_ms)
}

/// Calendar days from the first to the last day with a sample, both included.
fn calendar_days(usage: &Usage) -> i64 {
    let days = usage.daily_max.keys();
    let ends = days.clone().next().zip(days.last());
    ends.map_or(0, |(&first, &last)| i64::from(last) - i64::from(first) + 1)
}

/// To a tenth, downwards: what is short of a bound must not read as if it met it.
fn rounded_down(days: f64) -> f64 {
    figure((days * 10.0).floor() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::super::calibration::Calibrations;
    use super::super::fixtures::{
        WINDOW, build, minutes, reasons, required, service, task, usage_of,
    };
    use super::*;
    use crate::dataset::schema::Metric;
    use crate::demand::Runs;

    const HOUR: i64 = 60;
    const DAY: i64 = 24 * HOUR;

    /// The reasons why `demand` is withheld, code and text.
    fn withheld(demand: &Demand) -> Vec<(ReasonCode, String)> {
        reasons(required(demand))
    }

    /// `demand`, read only in these minutes (from, to) of the window.
    fn read_in(mut demand: Demand, spans: &[(i64, i64)]) -> Demand {
        let times: Vec<_> = spans
            .iter()
            .flat_map(|&(from, to)| minutes(from..to))
            .collect();
        demand.cpu = Some(usage_of(Metric::CpuVcpu, times.iter().map(|&at| (at, 0.1))));
        demand.memory = Some(usage_of(
            Metric::MemoryMib,
            times.iter().map(|&at| (at, 300.0)),
        ));
        demand.evidence.first_ms = times[0];
        demand.evidence.last_ms = times[times.len() - 1];
        demand
    }

    /// A job that runs for an hour at noon on each of `days` (of the window).
    fn at_noon(mut demand: Demand, days: &[i64]) -> Demand {
        demand.runs = Runs {
            count: days.len().try_into().unwrap(),
            ..Runs::default()
        };
        read_in(
            demand,
            &days
                .iter()
                .map(|day| (day * DAY + 12 * HOUR, day * DAY + 13 * HOUR))
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn two_steady_weeks_are_enough() {
        assert_eq!(withheld(&service()), []);
    }

    #[test]
    fn seven_days_to_the_minute_are_a_full_week() {
        assert_eq!(withheld(&read_in(service(), &[(0, 7 * DAY)])), []);
        assert_eq!(
            withheld(&read_in(service(), &[(0, 7 * DAY - 1)])),
            [(
                ReasonCode::NoFullWeek,
                "6.9 of a week's 7 days from the first to the last sample".into()
            )]
        );
    }

    #[test]
    fn five_days_are_too_few_and_no_full_week() {
        assert_eq!(
            withheld(&read_in(service(), &[(0, 5 * DAY)])),
            [
                (
                    ReasonCode::TooFewDays,
                    "5 of 7 days with CPU and memory samples seen".into()
                ),
                (
                    ReasonCode::NoFullWeek,
                    "5 of a week's 7 days from the first to the last sample".into()
                ),
            ]
        );
    }

    #[test]
    fn runs_on_other_days_do_not_lengthen_the_readings() {
        let mut demand = read_in(service(), &[(0, 5 * DAY)]);
        demand.evidence.last_ms = WINDOW.to_ms;
        let codes: Vec<_> = withheld(&demand)
            .into_iter()
            .map(|(code, _)| code)
            .collect();
        assert_eq!(codes, [ReasonCode::TooFewDays, ReasonCode::NoFullWeek]);
    }

    #[test]
    fn seven_days_with_a_gap_are_not_seven_days_seen() {
        let gap = read_in(service(), &[(0, 3 * DAY), (4 * DAY, 7 * DAY)]);
        assert_eq!(
            withheld(&gap),
            [(
                ReasonCode::TooFewDays,
                "6 of 7 days with CPU and memory samples seen".into()
            )]
        );
    }

    #[test]
    fn each_resource_needs_its_own_readings() {
        let mut demand = service();
        demand.memory = read_in(
            service(),
            &(0..14)
                .map(|day| (day * DAY, day * DAY + 2))
                .collect::<Vec<_>>(),
        )
        .memory;
        assert_eq!(
            withheld(&demand),
            [(
                ReasonCode::TooFewSamples,
                "28 of 100 memory samples seen".into()
            )]
        );
        demand.cpu = demand.memory.clone();
        assert_eq!(
            withheld(&demand),
            [(
                ReasonCode::TooFewSamples,
                "28 of 100 CPU and memory samples seen".into()
            )]
        );
    }

    #[test]
    fn no_readings_say_what_to_switch_on() {
        let silent = |demand: Demand| {
            withheld(&Demand {
                cpu: None,
                memory: None,
                ..demand
            })
        };
        let texts = [silent(service()), silent(task()), silent(build())].concat();
        assert!(
            texts
                .iter()
                .all(|(code, _)| *code == ReasonCode::NoUtilizationData)
        );
        assert!(texts[0].1.contains("AWS/ECS") && texts[2].1.contains("more than a minute"));
        assert_eq!(
            texts[1].1,
            "no CPU and memory samples; switch on Container Insights: AWS publishes none for standalone tasks without it"
        );
    }

    #[test]
    fn one_silent_resource_withholds_both() {
        let demand = Demand {
            memory: None,
            ..service()
        };
        assert!(withheld(&demand)[0].1.starts_with("no memory samples;"));
    }

    #[test]
    fn readings_without_a_size_are_not_called_missing() {
        let mut demand = Demand {
            cpu: None,
            memory: None,
            current: None,
            ..service()
        };
        demand.evidence.samples_without_size = 20_160;
        let codes: Vec<_> = withheld(&demand)
            .into_iter()
            .map(|(code, _)| code)
            .collect();
        assert_eq!(codes, [ReasonCode::SizeUnknown, ReasonCode::SizeUnknown]);
        assert!(
            withheld(&demand)[0]
                .1
                .ends_with("the size at the time of 20160 samples")
        );
    }

    #[test]
    fn nothing_but_zeros_is_not_a_measurement() {
        let mut demand = service();
        demand.cpu = Some(usage_of(
            Metric::CpuVcpu,
            minutes(0..14 * DAY).map(|at| (at, 0.0)),
        ));
        assert_eq!(
            withheld(&demand),
            [(
                ReasonCode::NoUtilizationData,
                "the highest of 20160 CPU samples is 0: not a measurement".into()
            )]
        );
        demand.cpu.as_mut().unwrap().max = f64::NAN;
        assert_eq!(withheld(&demand)[0].0, ReasonCode::NoUtilizationData);
    }

    #[test]
    fn an_unknown_half_of_a_size_withholds() {
        let mut demand = service();
        demand.current.as_mut().unwrap().memory_mib = None;
        assert_eq!(
            withheld(&demand),
            [(
                ReasonCode::SizeUnknown,
                "no source tells its memory size".into()
            )]
        );
        demand.current.as_mut().unwrap().cpu_units = Some(0);
        assert_eq!(
            withheld(&demand),
            [(
                ReasonCode::SizeUnknown,
                "no source tells its CPU and memory size".into()
            )]
        );
    }

    #[test]
    fn a_recent_resize_withholds_and_an_old_one_does_not() {
        let resized = |days_before_the_end| Demand {
            resized_ms: Some(WINDOW.to_ms - days_before_the_end * MS_PER_DAY),
            ..service()
        };
        assert_eq!(
            withheld(&resized(3)),
            [(
                ReasonCode::ResizedRecently,
                "3 of 7 days seen since it was resized".into()
            )]
        );
        assert_eq!(
            withheld(&resized(-1)),
            [(
                ReasonCode::ResizedRecently,
                "0 of 7 days seen since it was resized".into()
            )]
        );
        assert_eq!(withheld(&resized(7)), []);
        assert_eq!(withheld(&resized(20)), []);
    }

    #[test]
    fn a_resize_before_the_window_is_no_concern_of_it() {
        let demand = Demand {
            resized_ms: Some(WINDOW.from_ms - 1),
            ..service()
        };
        let policy = SizingPolicy {
            min_days: 20,
            ..SizingPolicy::default()
        };
        let missing = reasons(super::super::requirement(
            &demand,
            &policy,
            &Calibrations::default(),
            WINDOW,
        ));
        assert_eq!(
            missing,
            [(
                ReasonCode::TooFewDays,
                "14 of 20 days with CPU and memory samples seen".into()
            )]
        );
    }

    #[test]
    fn every_failing_check_is_listed() {
        let mut demand = read_in(service(), &[(0, 2)]);
        demand.resized_ms = Some(WINDOW.from_ms + 1);
        demand.current = None;
        let codes: Vec<_> = withheld(&demand)
            .into_iter()
            .map(|(code, _)| code)
            .collect();
        assert_eq!(
            codes,
            [
                ReasonCode::TooFewDays,
                ReasonCode::NoFullWeek,
                ReasonCode::TooFewSamples,
                ReasonCode::ResizedRecently,
                ReasonCode::SizeUnknown
            ]
        );
    }

    #[test]
    fn a_nightly_job_has_its_week_after_seven_runs() {
        assert_eq!(withheld(&at_noon(task(), &[0, 1, 2, 3, 4, 5, 6])), []);
        let codes: Vec<_> = withheld(&at_noon(task(), &[0, 1, 2, 3, 4, 5]))
            .into_iter()
            .map(|(code, _)| code)
            .collect();
        assert_eq!(codes, [ReasonCode::NoFullWeek]);
    }

    #[test]
    fn a_weekly_job_needs_three_runs() {
        assert_eq!(withheld(&at_noon(build(), &[0, 7, 13])), []);
        assert_eq!(
            withheld(&at_noon(build(), &[0, 7])),
            [(
                ReasonCode::TooFewDays,
                "2 of 7 days with CPU and memory samples seen; 3 runs on 3 days would do for a rare job, of which 2 seen".into()
            )]
        );
    }

    #[test]
    fn three_runs_on_two_days_are_not_three_weeks() {
        let mut demand = at_noon(build(), &[0, 7]);
        demand.runs.count = 3;
        assert_eq!(withheld(&demand)[0].0, ReasonCode::TooFewDays);
    }

    #[test]
    fn two_runs_read_on_three_days_are_not_three_runs() {
        let mut demand = at_noon(build(), &[0, 7, 13]);
        demand.runs.count = 2;
        assert_eq!(withheld(&demand)[0].0, ReasonCode::TooFewDays);
    }

    #[test]
    fn an_always_on_task_without_runs_is_judged_by_its_days() {
        assert_eq!(withheld(&read_in(task(), &[(0, 7 * DAY)])), []);
    }

    #[test]
    fn a_build_that_seems_to_use_more_than_its_machine_has_is_withheld() {
        // 300 CPU units, read as vCPU.
        let units = minutes(0..14 * DAY).map(|at| (at, 300.0));
        let demand = Demand {
            cpu: Some(usage_of(Metric::CpuVcpu, units)),
            ..build()
        };
        let codes: Vec<_> = withheld(&demand)
            .into_iter()
            .map(|(code, _)| code)
            .collect();
        assert_eq!(codes, [ReasonCode::ImplausibleData]);
    }
}
