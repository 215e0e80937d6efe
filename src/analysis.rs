//! The pipeline, once: demand, window, prices and policy → what every workload costs, needs and should become.
//!
//! Pure: no clock, no files, no printing. A report, a demonstration, a back-test and a difference call the same
//! function; the formats are made from its value.

use crate::demand::{Demand, Reduced};
use crate::model::units::Window;
use crate::placement::{self, Need, Prices, present};
use crate::pricing::PriceBook;
use crate::recommend::choose::{self, Advice};
use crate::recommend::clusters::{self, Cluster, Ground};
use crate::recommend::fleet::{Fleets, PackedFleet};
use crate::recommend::totals::{self, Totals};
use crate::rightsize;
use crate::rightsize::calibration::Calibrations;
use crate::rightsize::run_time::RunTimes;
use crate::workers;

pub use crate::recommend::fleet::FleetOptions;
pub use crate::recommend::{Assessed, Policy};

/// What an analysis found.
#[derive(Debug)]
pub struct Analysis {
    /// The window that measured costs are for.
    pub window: Window,
    /// One per workload, ordered by workload.
    pub workloads: Vec<Assessed>,
    /// One per account, region and architecture.
    pub fleets: Vec<PackedFleet>,
    /// Clusters that run on EC2 instances today, ordered.
    pub clusters: Vec<Cluster>,
    /// Sums over all workloads.
    pub totals: Totals,
    /// Runs and samples read.
    pub rows: i64,
    /// Rows that said the same thing twice.
    pub duplicates: i64,
    /// Rows that contradicted another and lost.
    pub conflicts: i64,
    /// The parameters in force.
    pub policy: Policy,
}

/// Analyses what was reduced from a dataset, the workloads that `wanted` picks. Margins are earned by all of them.
pub fn analyse(
    reduced: Reduced,
    book: &PriceBook,
    policy: &Policy,
    wanted: impl Fn(&Demand) -> bool,
) -> Analysis {
    analyse_with(reduced, book, policy, &FleetOptions::default(), wanted)
}

/// The same with fleets made in another way.
pub fn analyse_with(
    reduced: Reduced,
    book: &PriceBook,
    policy: &Policy,
    fleets: &FleetOptions,
    wanted: impl Fn(&Demand) -> bool,
) -> Analysis {
    let mut reduced = reduced;
    for demand in &mut reduced.demands {
        fill_sizes(demand, book);
        demand.prefer_cpu_share();
    }
    let fleet = tracing::debug_span!("margins").in_scope(|| Calibrations::of(&reduced.demands));
    let prices = Prices {
        book,
        bill_queue_time: policy.bill_queue_time,
    };
    let window = reduced.window;
    let (demands, others): (Vec<Demand>, Vec<Demand>) =
        reduced.demands.into_iter().partition(wanted);
    let assessed = |demands: Vec<Demand>| -> Vec<Assessed> {
        workers::map(demands, |demand| {
            assess(demand, &prices, policy, &fleet, window)
        })
    };
    let mut workloads = tracing::debug_span!("placements").in_scope(|| assessed(demands));
    let ground = Ground {
        prices: &prices,
        policy,
        window,
        rules: &fleets.rules,
    };
    let clusters = tracing::debug_span!("clusters").in_scope(|| {
        // Whoever shares instances with what is looked at counts for them.
        let mut others = others;
        others.retain(|_| !reduced.instances.is_empty());
        others.retain(clusters::is_on_instances);
        clusters::of(&workloads, &assessed(others), &reduced.instances, &ground)
    });
    clusters::share_out(&clusters, &mut workloads);
    let fleets = tracing::debug_span!("fleets")
        .in_scope(|| Fleets::plan(&workloads, &prices, policy, window, fleets));
    for workload in &mut workloads {
        if let Some(on_fleet) = fleets.placement(workload) {
            workload.placements.push(on_fleet);
        }
        choose::sort(&mut workload.placements);
        workload.advice = choose::advise(workload, policy, fleets.keeps(&workload.demand.workload));
    }
    Analysis {
        window,
        totals: totals::of(&workloads, &prices, window),
        fleets: fleets.into_results(),
        clusters,
        workloads,
        rows: reduced.rows,
        duplicates: reduced.duplicates,
        conflicts: reduced.conflicts,
        policy: *policy,
    }
}

/// One workload by itself: everything but the fleet it could join.
fn assess(
    demand: Demand,
    prices: &Prices<'_>,
    policy: &Policy,
    fleet: &Calibrations,
    window: Window,
) -> Assessed {
    let configuration = demand.current.clone().unwrap_or_default();
    let requirement = rightsize::requirement(&demand, &policy.rightsize, fleet, window);
    let need = match &requirement {
        Ok(requirement) => Some(requirement.need()),
        Err(_) => configuration.size().map(Need::of_size),
    };
    let mut assessed = Assessed {
        purchase_option: configuration.purchase_option(),
        measured_cost: present::measured_cost(&demand, prices),
        going_rate: present::going_rate(&demand, prices),
        configuration,
        run_times: RunTimes::of(&demand),
        requirement,
        need,
        resized: None,
        placements: Vec::new(),
        advice: Advice::default(),
        demand,
    };
    let placed = assessed.subject().map(|subject| {
        (
            present::purchase_option(&subject),
            present::resized(&subject, prices),
            placement::alone(&subject, prices),
        )
    });
    if let Some((option, resized, placements)) = placed {
        assessed.purchase_option = option;
        assessed.resized = resized;
        assessed.placements = placements;
    }
    assessed
}

/// Compute types are sizes: everything after this compares CPU and memory.
fn fill_sizes(demand: &mut Demand, book: &PriceBook) {
    let pace = demand.pace.iter_mut().flat_map(|pace| &mut pace.components);
    let components = demand.ran.iter_mut().chain(pace);
    let configurations = components
        .map(|component| &mut component.configuration)
        .chain(&mut demand.current);
    for configuration in configurations {
        placement::size::fill_compute_type(book, configuration);
    }
}
