//! The job on EC2 instances: launched for each run, or always on.

use rust_decimal::Decimal;

use super::job::{Job, Load, ceil_div};
use super::offer::{Draft, Offer};
use super::terms::{BilledTime, Terms};
use crate::model::units::{TaskSize, Usd};
use crate::model::workload::{Architecture, Os, Platform, PurchaseOption};
use crate::pack::{self, Rules};
use crate::placement::Size;
use crate::placement::ec2::{self, ROOT_GIB};
use crate::pricing::cost::Tariff;
use crate::pricing::{InstanceType, Metering, NotPriced, Price, PriceBook};

/// On demand: the cheapest instance type launched for each run, and the cheapest always on.
pub(super) fn offers(job: &Job, book: &PriceBook, architecture: Architecture) -> Vec<Offer> {
    let draft = || Draft::new(Platform::Ec2, architecture, PurchaseOption::OnDemand);
    if job.os == Os::Windows {
        return vec![draft().unpriced(NotPriced::new(
            "the EC2 prices in the price book are for Linux",
        ))];
    }
    match hosts(job, book, architecture) {
        Err(reason) => vec![draft().unpriced(reason)],
        Ok(hosts) if hosts.is_empty() => {
            vec![draft().infeasible("larger than every EC2 instance type in the price book")]
        }
        Ok(hosts) => [
            launched_per_run(job, &hosts, draft()),
            always_on(job, &hosts, draft()),
        ]
        .into_iter()
        .flatten()
        .collect(),
    }
}

/// An instance type that holds the job.
struct Host<'a> {
    instance: &'a InstanceType,
    /// Runs that fit at once.
    runs: u32,
    gp3_gib_month: &'a Price,
}

impl Host<'_> {
    /// What it costs with room on the root volume for so many runs.
    fn tariff(&self, ephemeral_gib: Option<u32>, runs: u32) -> Tariff {
        let root_gib =
            ROOT_GIB.saturating_add(ephemeral_gib.unwrap_or_default().saturating_mul(runs));
        ec2::tariff(self.instance, root_gib, self.gp3_gib_month)
    }

    fn size(&self, way: &str) -> Size {
        let InstanceType {
            name,
            cpu_units,
            memory_mib,
            ..
        } = self.instance;
        Size::named(
            TaskSize::new(*cpu_units, *memory_mib),
            format!("{name}, {way}"),
        )
    }
}

fn hosts<'a>(
    job: &Job,
    book: &'a PriceBook,
    architecture: Architecture,
) -> Result<Vec<Host<'a>>, NotPriced> {
    let instances = book.instance_types(&job.region, architecture)?;
    let gp3_gib_month = book.gp3(&job.region)?;
    let host = |instance| Host {
        instance,
        runs: runs_at_once(instance, job.need),
        gp3_gib_month,
    };
    Ok(instances
        .iter()
        .map(host)
        .filter(|host| host.runs > 0)
        .collect())
}

/// How many runs fit on an instance beside the operating system and the agent.
fn runs_at_once(instance: &InstanceType, need: TaskSize) -> u32 {
    let offer = [ec2::packable(instance)];
    let together = |runs| {
        TaskSize::new(
            need.cpu_units.saturating_mul(runs),
            need.memory_mib.saturating_mul(runs),
        )
    };
    let fits = |runs: &u32| pack::fits(together(*runs), &offer, &Rules::default());
    (1..=instance.task_slots)
        .take_while(fits)
        .last()
        .unwrap_or(0)
}

fn launched_per_run(job: &Job, hosts: &[Host<'_>], draft: Draft) -> Option<Offer> {
    let boot_ms = Rules::default().boot_ms.into();
    let time = BilledTime::PerRun {
        rule: Metering::EC2,
        boot_ms,
        free_ms: 0,
    };
    let (host, terms) = cheapest(hosts, job.load, |host| Terms {
        tariff: host.tariff(job.ephemeral_gib, 1),
        time,
    })?;
    let draft = draft.minding(host.instance.quality).because(format!(
        "{} s of boot are billed with each run",
        boot_ms / 1000
    ));
    Some(
        draft
            .sized(host.size("launched per run"))
            .priced(terms, job.load),
    )
}

fn always_on(job: &Job, hosts: &[Host<'_>], draft: Draft) -> Option<Offer> {
    let (host, terms) = cheapest(hosts, job.load, |host| Terms {
        tariff: host.tariff(job.ephemeral_gib, host.runs),
        time: BilledTime::AlwaysOn {
            runs_per_instance: host.runs,
        },
    })?;
    let overlap = job.load.overlap();
    let reason = match (ceil_div(overlap, host.runs.into()), i128::from(host.runs)) {
        (1, 1) => "one instance with room for one run: runs that start together wait".to_owned(),
        (1, room) => format!("one instance with room for {room} runs: more at once wait"),
        (instances, room) => {
            format!(
                "{instances} instances with room for {} runs: more at once wait",
                instances.saturating_mul(room)
            )
        }
    };
    let draft = draft.minding(host.instance.quality).because(reason);
    Some(draft.sized(host.size("always on")).priced(terms, job.load))
}

/// The cheapest host by its terms; at the same cost, the first by name.
fn cheapest<'h, 'a>(
    hosts: &'h [Host<'a>],
    load: Load,
    terms: impl Fn(&Host<'a>) -> Terms,
) -> Option<(&'h Host<'a>, Terms)> {
    let offers = hosts.iter().map(|host| (host, terms(host)));
    offers.min_by_key(|(host, terms)| {
        (
            terms
                .cost(load)
                .map_or(Usd::new(Decimal::MAX), |cost| cost.usd),
            &host.instance.name,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::compare;
    use super::super::tests::{book, cost, find, job, usd};
    use super::*;
    use crate::pricing::Tables;

    fn runs(name: &str, cpu_units: u32, memory_mib: u32) -> u32 {
        let book = book();
        let types = book
            .instance_types("us-east-1", Architecture::X86_64)
            .expect("priced");
        runs_at_once(
            types
                .iter()
                .find(|found| found.name == name)
                .expect("known"),
            TaskSize::new(cpu_units, memory_mib),
        )
    }

    #[test]
    fn processor_memory_and_task_slots_limit_the_runs_of_an_instance() {
        // An m5.large leaves 2,048 units, 8,192 − 256 − 4 % = 7,608 MiB and two slots.
        assert_eq!(
            [
                runs("m5.large", 1024, 1024),
                runs("m5.large", 1025, 1024),
                runs("m5.large", 2049, 1024)
            ],
            [2, 1, 0]
        );
        assert_eq!(
            [
                runs("m5.large", 256, 3804),
                runs("m5.large", 256, 3805),
                runs("m5.large", 256, 7609)
            ],
            [2, 1, 0]
        );
        assert_eq!(
            [runs("m5.large", 128, 128), runs("m5.4xlarge", 128, 128)],
            [2, 7]
        );
    }

    #[test]
    fn an_instance_launched_per_run_is_billed_its_boot() {
        // 30 × 121 s, 1.00833 h, of m6g.medium at 0.0385 with 30 GiB at 0.08 for 730 h.
        let comparison = compare(&job(1, 2, 1, 1), &book());
        let launched = find(
            &comparison,
            Platform::Ec2,
            Architecture::Arm64,
            "m6g.medium, launched per run",
        );
        assert_eq!(cost(launched), usd("0.0421359"));
        assert_eq!(
            launched.placement.cautions,
            [
                "120 s of boot are billed with each run",
                "needs an arm64 image"
            ]
        );
    }

    #[test]
    fn always_on_holds_the_runs_that_overlap_on_average() {
        // 5 × 40 h a day are 8.3 at once: five m5a.large, two runs on each, at 0.086 × 730 + 2.40 a month.
        let comparison = compare(&job(1, 2, 144_000, 5), &book());
        let always_on = find(
            &comparison,
            Platform::Ec2,
            Architecture::X86_64,
            "m5a.large, always on",
        );
        assert_eq!(cost(always_on), usd("321.43561644"));
        assert_eq!(
            always_on.placement.cautions[0],
            "5 instances with room for 10 runs: more at once wait"
        );
    }

    #[test]
    fn runs_with_storage_enlarge_the_root_volume() {
        let with = |ephemeral_gib| {
            let comparison = compare(
                &Job {
                    ephemeral_gib,
                    ..job(1, 2, 144_000, 5)
                },
                &book(),
            );
            let found = find(
                &comparison,
                Platform::Ec2,
                Architecture::X86_64,
                "m5a.large, always on",
            );
            cost(found).amount()
        };
        // Five volumes with 2 × 50 GiB more each at 0.08, for 720 of 730 hours.
        assert_eq!(with(Some(50)) - with(None), usd("39.45205479").amount());
    }

    #[test]
    fn what_no_instance_holds_or_no_price_covers_has_its_reason() {
        let reason_by = |job: &Job, book: &PriceBook| {
            let offers = compare(job, book).offers;
            let ec2 = offers
                .into_iter()
                .find(|found| found.placement.platform == Platform::Ec2)
                .expect("listed");
            let reason = ec2.reasons().next().expect("a reason");
            (ec2.placement.is_feasible(), ec2.cost, reason)
        };
        let reason = |job: &Job| reason_by(job, &book());
        let refused = |feasible, reason: &str| (feasible, None, reason.to_owned());
        assert_eq!(
            reason(&job(500, 1, 60, 1)),
            refused(
                false,
                "larger than every EC2 instance type in the price book"
            )
        );
        let windows = Job {
            os: Os::Windows,
            ..job(1, 2, 60, 1)
        };
        assert_eq!(
            reason(&windows),
            refused(true, "the EC2 prices in the price book are for Linux")
        );
        let no_volumes = PriceBook::from_tables(&Tables {
            ec2: "region,instance_type,usd_per_hour,as_of,source,quality\n\
                  us-east-1,m5.large,0.096,2026,a test,exact\n",
            instance_types: Tables::EMBEDDED.instance_types,
            ..Tables::default()
        });
        assert_eq!(
            reason_by(&job(1, 2, 60, 1), &no_volumes.expect("well-formed")),
            refused(true, "no gp3 volume price for us-east-1 in the price book")
        );
    }
}
