//! `plimsoll compare`: where should a job run? Needs no data.

mod table;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, value_parser};

use super::failure::cannot_print;
use super::file;
use super::parse;
use super::prices::BookArgs;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::units::TaskSize;
use crate::model::workload::{Architecture, Os};
use crate::pricing::PriceBook;
use crate::recommend::compare::{Job, Load, compare};
use crate::report::comparison::ComparisonResult;
use crate::report::comparison_page;

/// Compare where a job could run: Fargate, CodeBuild or EC2
///
/// Prices every placement that holds one run, and tells at which run length and at how many runs per day the order of
/// the platforms turns. Needs no data.
#[derive(Debug, Clone, Args)]
pub struct CompareArgs {
    /// Processor that one run needs, in vCPU (`0.5`, `4`)
    #[arg(long, value_name = "VCPU", value_parser = parse::cpu_units)]
    vcpu: u32,
    /// Memory that one run needs (`2GiB`, `512MiB`; AWS's GB is the GiB)
    #[arg(long, value_name = "SIZE", value_parser = parse::mib)]
    memory: u32,
    /// Storage that one run needs, where what comes with a placement is not enough
    #[arg(long, value_name = "SIZE", value_parser = parse::storage_gib)]
    ephemeral: Option<u32>,
    /// Metered span of one run, from image pull or PROVISIONING to the end (`600s`, `10m`, `1h30m`, `PT10M`)
    #[arg(long, value_name = "TIME", value_parser = parse::duration_ms)]
    duration: i64,
    /// How many runs a day
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u32).range(1..=1_000_000))]
    runs_per_day: u32,
    /// How many days the cost is for
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = value_parser!(u32).range(1..=3_660))]
    days: u32,
    /// AWS region
    #[arg(long, value_name = "REGION", value_parser = parse::region, env = "AWS_REGION")]
    region: String,
    /// Operating system
    #[arg(long, default_value = "linux", value_parser = parse::spelled(Os::ALL.iter().map(|os| os.as_str()), Os::parse))]
    os: Os,
    /// Only this architecture; both without it
    #[arg(long, value_parser = parse::spelled(Architecture::ALL.iter().map(|arch| arch.as_str()), Architecture::parse))]
    arch: Option<Architecture>,
    /// Take CodeBuild's free minutes off, as if no other build used them
    #[arg(long)]
    free_tier: bool,
    #[command(flatten)]
    prices: BookArgs,
    /// Form of the result
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Also write this file, in the form of its ending (.html .json .txt); repeatable
    #[arg(long, value_name = "FILE")]
    export: Vec<PathBuf>,
}

/// How a comparison is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal
    Table,
    /// For programs: the whole result, versioned
    Json,
    /// For a browser: one file, no network, with the break-even points as charts
    Html,
}

impl Format {
    /// The form that a file's name asks for.
    fn of(path: &Path) -> Result<Self> {
        let forms = [
            (".html", Self::Html),
            (".htm", Self::Html),
            (".json", Self::Json),
            (".txt", Self::Table),
        ];
        let name = path.to_string_lossy().to_ascii_lowercase();
        let form = forms.iter().find(|(ending, _)| name.ends_with(ending));
        form.map(|(_, form)| *form).ok_or_else(|| {
            let message = format!("--export `{}`: its ending names no form", path.display());
            Error::new(ErrorKind::Usage, message).hint("use one of .html .json .txt")
        })
    }
}

/// Writes the comparison to `out`.
///
/// # Errors
/// Where nothing has a price, after the reasons have been written: [`ErrorKind::Input`] for a region that the price book
/// does not know, otherwise [`ErrorKind::Nothing`]. [`ErrorKind::Usage`] for Windows on ARM, [`ErrorKind::Write`] where `out` fails.
pub fn run(args: &CompareArgs, out: &mut dyn Write) -> Result<()> {
    for path in &args.export {
        Format::of(path)?;
        file::check(path)?;
    }
    let book = args.prices.book()?;
    let comparison = ComparisonResult::of(&compare(&job(args)?, &book), &book);
    for path in &args.export {
        file::write(path, written(&comparison, Format::of(path)?)?)?;
    }
    let text = written(&comparison, args.format)?;
    out.write_all(text.as_bytes()).map_err(cannot_print)?;
    if comparison.priced().next().is_some() {
        Ok(())
    } else {
        Err(nothing_priced(&comparison.inputs, &book))
    }
}

fn written(comparison: &ComparisonResult, format: Format) -> Result<String> {
    match format {
        Format::Table => Ok(table::render(comparison)),
        Format::Json => json(comparison),
        Format::Html => Ok(comparison_page(
            comparison,
            &table::answer(comparison),
            &table::break_even(comparison),
        )),
    }
}

fn job(args: &CompareArgs) -> Result<Job> {
    let architectures = match (args.os, args.arch) {
        (Os::Windows, Some(Architecture::Arm64)) => {
            return Err(
                Error::new(ErrorKind::Usage, "Windows containers do not run on arm64")
                    .hint("leave out --arch arm64"),
            );
        }
        (Os::Windows, _) => vec![Architecture::X86_64],
        (Os::Linux, Some(architecture)) => vec![architecture],
        (Os::Linux, None) => Architecture::ALL.to_vec(),
    };
    Ok(Job {
        region: args.region.clone(),
        os: args.os,
        architectures,
        need: TaskSize::new(args.vcpu, args.memory),
        ephemeral_gib: args.ephemeral,
        load: Load {
            duration_ms: args.duration,
            runs_per_day: args.runs_per_day,
            days: args.days,
        },
        free_tier: args.free_tier,
    })
}

fn json(comparison: &ComparisonResult) -> Result<String> {
    let text = serde_json::to_string_pretty(comparison);
    text.map(|text| text + "\n").map_err(|cause| {
        Error::new(ErrorKind::Failure, "cannot make JSON of the comparison").cause(cause)
    })
}

fn nothing_priced(job: &Job, book: &PriceBook) -> Error {
    if book.regions().any(|region| region == job.region) {
        let message = format!("nothing that holds the job has a price in {}", job.region);
        return Error::new(ErrorKind::Nothing, message)
            .hint("the reasons are listed; try a smaller need or another region");
    }
    Error::new(
        ErrorKind::Input,
        format!("the price book knows no region {}", job.region),
    )
    .hint(book.instead_of(&job.region))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct App {
        #[command(flatten)]
        args: CompareArgs,
    }

    /// The job of the AWS Fargate pricing page, with what `change` adds or says anew.
    fn parse(change: &[&str]) -> Result<CompareArgs, clap::Error> {
        let usual = [
            ("--vcpu", "1"),
            ("--memory", "2GiB"),
            ("--duration", "600s"),
            ("--runs-per-day", "5"),
            ("--region", "us-east-1"),
        ];
        let kept = usual
            .iter()
            .filter(|(flag, _)| !change.contains(flag))
            .flat_map(|(flag, value)| [*flag, *value]);
        App::try_parse_from(
            ["compare"]
                .into_iter()
                .chain(kept)
                .chain(change.iter().copied()),
        )
        .map(|app| app.args)
    }

    fn written(change: &[&str]) -> (String, Result<()>) {
        let mut out = Vec::new();
        let result = run(&parse(change).expect("valid"), &mut out);
        (String::from_utf8(out).expect("text"), result)
    }

    #[test]
    fn the_first_line_answers_the_question() {
        let (text, result) = written(&["--ephemeral", "30GiB", "--days", "30"]);
        assert_eq!(
            text.lines().next(),
            Some(
                "Cheapest on demand: Fargate arm64 1 vCPU / 2 GiB, $1.02 for 30 days (150 runs); best x86_64: Fargate 1 vCPU / 2 GiB, \
                 $1.26; CodeBuild arm64 BUILD_GENERAL1_SMALL, $5.10; EC2 arm64 m6g.medium, launched per run, $1.35. \
                 Cheapest of all: Fargate arm64 1 vCPU / 2 GiB, Spot, $0.34."
            )
        );
        assert!(result.is_ok());
    }

    #[test]
    fn json_carries_inputs_placements_break_evens_and_prices() {
        let (text, _) = written(&["--format", "json", "--ephemeral", "30GiB"]);
        let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read["version"], 2);
        assert_eq!(
            read["inputs"]["need"],
            serde_json::json!({ "cpu_units": 1024, "memory_mib": 2048 })
        );
        assert_eq!(
            (&read["inputs"]["duration_ms"], &read["inputs"]["days"]),
            (&600_000.into(), &30.into())
        );
        let placements = read["placements"].as_array().expect("a list");
        let x86 = placements.iter().find(|found| {
            found["architecture"] == "x86_64" && found["purchase_option"] == "on_demand"
        });
        assert_eq!(x86.map(|found| &found["cost"]["usd"]), Some(&1.262.into()));
        assert_eq!(
            read["break_even"][0]["run_length"],
            serde_json::json!({ "cheaper": "fargate", "from_s": 1, "up_to_s": 129_600 })
        );
        assert_eq!(
            read["prices"]["book"],
            PriceBook::embedded().expect("parses").hash()
        );
        assert_eq!(
            text,
            written(&["--format", "json", "--ephemeral", "30GiB"]).0
        );
    }

    #[test]
    fn a_misspelt_region_gets_the_near_ones() {
        let (text, result) = written(&["--region", "us-eats-1"]);
        let error = result.expect_err("no such region");
        assert_eq!(
            (error.kind(), error.next_step()),
            (ErrorKind::Input, Some("did you mean us-east-1?"))
        );
        assert!(
            text.starts_with("Nothing that holds the job has a price in us-eats-1.")
                && !text.contains('$')
        );
        let far = written(&["--region", "mars"])
            .1
            .expect_err("no such region");
        assert!(
            far.next_step()
                .is_some_and(|hint| hint.starts_with("it has prices for af-south-1, "))
        );
    }

    #[test]
    fn a_need_that_nothing_holds_is_nothing_to_compare() {
        let (text, result) = written(&["--vcpu", "500"]);
        assert_eq!(result.expect_err("too large").kind(), ErrorKind::Nothing);
        assert!(text.contains("Fargate x86_64: larger than every Fargate size"));
    }

    #[test]
    fn one_price_is_enough() {
        assert!(written(&["--region", "eu-west-3"]).1.is_ok());
    }

    #[test]
    fn windows_means_x86_64() {
        let (text, _) = written(&["--os", "windows"]);
        assert!(!text.contains("arm64"));
        let refused = written(&["--os", "windows", "--arch", "arm64"])
            .1
            .expect_err("there is none");
        assert_eq!(refused.kind(), ErrorKind::Usage);
    }

    #[test]
    fn senseless_arguments_are_refused_by_name_with_an_example() {
        let refusal = |flag, value| parse(&[flag, value]).expect_err(value).to_string();
        assert!(refusal("--vcpu", "0").starts_with(
            "error: invalid value '0' for '--vcpu <VCPU>': not a number of vCPU above 0"
        ));
        assert!(
            refusal("--memory", "2")
                .ends_with("such as 2GiB or 512MiB\n\nFor more information, try '--help'.\n")
        );
        assert!(refusal("--duration", "600").contains("such as 600s, 10m, 1h30m or PT10M"));
        assert!(refusal("--runs-per-day", "0").contains("0 is not in 1..=1000000"));
        assert!(refusal("--days", "0").contains("0 is not in 1..=3660"));
        assert!(refusal("--os", "beos").contains("[possible values: linux, windows]"));
        assert!(refusal("--region", "US").contains("not the name of a region"));
        assert_eq!(parse(&["--vcpu", "0"]).expect_err("refused").exit_code(), 2);
    }
}
