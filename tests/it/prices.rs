//! Price books of today: `prices refresh` against a loopback price list, and what a frozen book is good for.

mod book;
mod bulk;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::support::{
    CANARY, HOUR, MINUTE, Run, SECOND, T0, World, assert_usd, build, command, cost, finished,
    lines, parsed,
};

// ------------------------------------------------------------------------------------------- A loopback price list

/// A call as it came: `GetProducts` and the like, and its body.
#[derive(Debug, Clone)]
struct Call {
    operation: String,
    body: Value,
}

impl Call {
    /// The value asked for of the attribute `field`.
    fn filter(&self, field: &str) -> Option<&str> {
        let filters = self.body["Filters"].as_array()?;
        filters.iter().find(|filter| filter["Field"] == field)?["Value"].as_str()
    }

    fn is_for(&self, service: &str) -> bool {
        self.body["ServiceCode"] == service
    }
}

type Answer = (u16, Value);

/// An AWS on a loopback port, until dropped.
struct FakeAws {
    port: u16,
    calls: Arc<Mutex<Vec<Call>>>,
    server: Option<JoinHandle<()>>,
}

impl FakeAws {
    /// Answers every call, told how many came before.
    fn new(answer: impl Fn(&Call, usize) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let port = listener.local_addr().expect("bound").port();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        let server = std::thread::spawn(move || {
            for stream in listener.incoming().take(10_000) {
                let mut stream = stream.expect("a connection");
                let Some(call) = read_call(&mut stream) else {
                    return;
                };
                let before = {
                    let mut calls = seen.lock().expect("no test panics in here");
                    calls.push(call.clone());
                    calls.len() - 1
                };
                let (status, body) = answer(&call, before);
                let body = body
                    .as_str()
                    .map_or_else(|| body.to_string(), str::to_owned);
                let head = format!(
                    "HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                // A client that has left is its own affair.
                let _ = stream
                    .write_all(head.as_bytes())
                    .and_then(|()| stream.write_all(body.as_bytes()));
            }
        });
        Self {
            port,
            calls,
            server: Some(server),
        }
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("whole").clone()
    }

    /// A run in `world` with credentials for this AWS.
    fn run(&self, world: &World, args: &[&str]) -> Run {
        self.run_with(
            world,
            args,
            &[
                ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
                ("AWS_SECRET_ACCESS_KEY", CANARY),
                ("AWS_SESSION_TOKEN", CANARY),
            ],
        )
    }

    fn run_with(&self, world: &World, args: &[&str], env: &[(&str, &str)]) -> Run {
        let mut command = command(args);
        command.current_dir(world.path(""));
        command
            .env("HOME", world.path("home"))
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
            .env(
                "AWS_ENDPOINT_URL",
                format!("http://127.0.0.1:{}", self.port),
            )
            .envs(env.iter().copied());
        Run::of(&command.output().expect("the binary runs"))
    }

    /// `prices refresh -o new.book` with `args`.
    fn refresh(&self, world: &World, args: &[&str]) -> Run {
        self.run(
            world,
            &[&["prices", "refresh", "-o", "new.book"], args].concat(),
        )
    }
}

impl Drop for FakeAws {
    fn drop(&mut self) {
        // A connection without a call ends the server.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

fn read_call(stream: &mut TcpStream) -> Option<Call> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        let line = head
            .iter()
            .skip(1)
            .find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
        Some(line[name.len() + 1..].trim().to_owned())
    };
    let mut body =
        vec![0; header("content-length").map_or(0, |length| length.parse().expect("a length"))];
    reader.read_exact(&mut body).ok()?;
    let path = head
        .first()?
        .split(' ')
        .nth(1)?
        .trim_start_matches('/')
        .to_owned();
    let operation = header("x-amz-target").map_or(path, |target| {
        target.rsplit('.').next().unwrap_or_default().to_owned()
    });
    Some(Call {
        operation,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    })
}

/// The products of a price list, answered as AWS does: those with every attribute asked for, two a page.
fn list(products: Vec<Value>) -> impl Fn(&Call, usize) -> Answer + Send + 'static {
    move |call, _| match call.operation.as_str() {
        "GetProducts" => {
            let filters = call.body["Filters"].as_array().cloned().unwrap_or_default();
            let is_asked = |product: &&Value| {
                let of = |field: &str| match field {
                    "productFamily" => product["product"]["productFamily"].clone(),
                    field => product["product"]["attributes"][field].clone(),
                };
                product["serviceCode"] == call.body["ServiceCode"]
                    && filters.iter().all(|filter| {
                        filter["Type"] == "TERM_MATCH"
                            && of(filter["Field"].as_str().expect("text")) == filter["Value"]
                    })
            };
            let found: Vec<String> = products
                .iter()
                .filter(is_asked)
                .map(Value::to_string)
                .collect();
            let from: usize = call.body["NextToken"]
                .as_str()
                .map_or(0, |token| token.parse().expect("our token"));
            let page: Vec<&String> = found.iter().skip(from).take(2).collect();
            let mut answer = json!({ "FormatVersion": "aws_v1", "PriceList": page });
            if from + 2 < found.len() {
                answer["NextToken"] = (from + 2).to_string().into();
            }
            (200, answer)
        }
        "GetAttributeValues" => {
            let values = ["eu-west-1", "us-east-1", "us-east-1-bos-1"]
                .map(|value| json!({ "Value": value }));
            (200, json!({ "AttributeValues": values }))
        }
        "DescribeSavingsPlansOfferingRates" => (200, json!({ "searchResults": rates_for(call) })),
        other => panic!("not a call of a refresh: {other}"),
    }
}

fn rates_for(call: &Call) -> Vec<Value> {
    let region = &call.body["filters"][0]["values"][0];
    match call.body["serviceCodes"][0].as_str() {
        Some("AmazonEC2") => instance_rates(region),
        _ => rates(region),
    }
}

/// The rates of m5.large by plan and term, and what is no price of it: another operating system, a Local Zone's, a type
/// that is not sold in the region.
fn instance_rates(region: &Value) -> Vec<Value> {
    let rate = |plan: &str, years: i64, usage: &str, operation: &str, usd: &str| {
        json!({
            "savingsPlanOffering": {
                "offeringId": "o", "paymentOption": "No Upfront", "planType": plan, "durationSeconds": years * 31_536_000, "currency": "USD",
            },
            "rate": usd, "unit": "Hrs", "productType": "EC2", "serviceCode": "AmazonEC2", "usageType": usage, "operation": operation,
            "properties": [{ "name": "region", "value": region }, { "name": "instanceType", "value": "m5.large" }],
        })
    };
    let m5 = "BoxUsage:m5.large";
    vec![
        rate("Compute", 1, m5, "RunInstances", "0.0700"),
        rate("Compute", 3, m5, "RunInstances", "0.0500"),
        rate("EC2Instance", 1, m5, "RunInstances", "0.0600"),
        rate("EC2Instance", 3, m5, "RunInstances", "0.0400"),
        rate("Compute", 1, m5, "RunInstances:0002", "0.1600"),
        rate(
            "Compute",
            1,
            "LAX1-BoxUsage:m5.large",
            "RunInstances",
            "0.0800",
        ),
        rate("Compute", 1, "BoxUsage:m7g.large", "RunInstances", "0.0500"),
    ]
}

fn rates(region: &Value) -> Vec<Value> {
    let rate = |usage: &str, years: i64, payment: &str, usd: &str| {
        json!({
            "savingsPlanOffering": {
                "offeringId": "o", "paymentOption": payment, "planType": "Compute", "durationSeconds": years * 31_536_000, "currency": "USD",
            },
            "rate": usd, "unit": "Hrs", "productType": "Fargate", "serviceCode": "AmazonECS", "usageType": usage, "operation": "",
            "properties": [{ "name": "region", "value": region }],
        })
    };
    let mut rates = Vec::new();
    for (at, (years, payment)) in [
        (1, "No Upfront"),
        (1, "All Upfront"),
        (3, "No Upfront"),
        (3, "All Upfront"),
    ]
    .into_iter()
    .enumerate()
    {
        for (usage, usd) in [
            ("vCPU-Hours:perCPU", 4),
            ("GB-Hours", 3),
            ("ARM-vCPU-Hours:perCPU", 2),
            ("ARM-GB-Hours", 1),
        ] {
            rates.push(rate(
                &format!("USE1-Fargate-{usage}"),
                years,
                payment,
                &format!("0.00{usd}{at}"),
            ));
        }
    }
    rates
}

/// A product of us-east-1 with one price, published on 2026-11-20.
fn product(service: &str, sku: &str, attributes: &Value, unit: &str, usd: &str) -> Value {
    let mut product = json!({
        "serviceCode": service,
        "product": { "sku": sku, "productFamily": "Compute", "attributes": attributes },
        "terms": { "OnDemand": { format!("{sku}.JRTCKXETXF"): {
            "sku": sku, "offerTermCode": "JRTCKXETXF", "effectiveDate": "2026-07-01T00:00:00Z", "termAttributes": {},
            "priceDimensions": { format!("{sku}.JRTCKXETXF.6YS6EN2CT7"): {
                "unit": unit, "beginRange": "0", "endRange": "Inf", "appliesTo": [], "description": "a price",
                "rateCode": format!("{sku}.JRTCKXETXF.6YS6EN2CT7"), "pricePerUnit": { "USD": usd },
            } },
        } } },
        "version": "20261120101112", "publicationDate": "2026-11-20T10:11:12Z",
    });
    product["product"]["attributes"]["regionCode"] = "us-east-1".into();
    product["product"]["attributes"]["locationType"] = "AWS Region".into();
    product
}

fn fargate(sku: &str, part: &str, usd: &str) -> Value {
    let unit = if part.contains("Ephemeral") {
        "GB-Hours"
    } else {
        "hours"
    };
    let mut attributes =
        json!({ "usagetype": format!("USE1-Fargate-{part}"), "tenancy": "Shared" });
    if part.contains("ARM") {
        attributes["cpuArchitecture"] = "ARM".into();
    }
    product("AmazonECS", sku, &attributes, unit, usd)
}

fn instance(sku: &str, name: &str, usd: &str) -> Value {
    let attributes = json!({
        "instanceType": name, "operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used",
        "operation": "RunInstances", "licenseModel": "No License required", "usagetype": format!("BoxUsage:{name}"),
    });
    product("AmazonEC2", sku, &attributes, "Hrs", usd)
}

/// A small region: prices unlike the real ones, so that no embedded price can stand in for them.
fn us_east_1() -> Vec<Value> {
    let codebuild = json!({
        "computeFamily": "OnDemand-EC2", "computeType": "general1.small", "operatingSystem": "Linux", "usagetype": "USE1-Build-Min:Linux:g1.small",
    });
    let mut gp3 = product(
        "AmazonEC2",
        "GP3",
        &json!({ "usagetype": "EBS:VolumeUsage.gp3", "volumeApiName": "gp3" }),
        "GB-Mo",
        "0.0900000000",
    );
    gp3["product"]["productFamily"] = "Storage".into();
    vec![
        fargate("VCPU", "vCPU-Hours:perCPU", "0.0500000000"),
        fargate("GIB", "GB-Hours", "0.0060000000"),
        fargate("ARMVCPU", "ARM-vCPU-Hours:perCPU", "0.0400000000"),
        fargate("ARMGIB", "ARM-GB-Hours", "0.0050000000"),
        fargate("EPH", "EphemeralStorage-GB-Hours", "0.0002000000"),
        product(
            "AmazonECS",
            "METER",
            &json!({ "usagetype": "USE1-ECS-EC2-vCPU-Hours" }),
            "vCPU-Hours",
            "0.0000000000",
        ),
        product("CodeBuild", "SMALL", &codebuild, "minutes", "0.0070000000"),
        instance("M5", "m5.large", "0.1000000000"),
        instance("C6G", "c6g.large", "0.0700000000"),
        gp3,
        product(
            "AmazonVPC",
            "IP",
            &json!({ "usagetype": "USE1-PublicIPv4:InUseAddress" }),
            "Hrs",
            "0.0050000000",
        ),
    ]
}

/// The same with the product `sku` as `change` makes it.
fn with_product(sku: &str, change: impl Fn(&mut Value)) -> Vec<Value> {
    let mut products = us_east_1();
    products
        .iter_mut()
        .filter(|product| product["product"]["sku"] == sku)
        .for_each(change);
    products
}

/// The only tier of a product's only term.
fn tier<'p>(product: &'p mut Value, field: &str) -> &'p mut Value {
    let term = product["terms"]["OnDemand"]
        .as_object_mut()
        .expect("terms")
        .values_mut()
        .next()
        .expect("one");
    &mut term["priceDimensions"]
        .as_object_mut()
        .expect("tiers")
        .values_mut()
        .next()
        .expect("one")[field]
}

const US: &[&str] = &["--region", "us-east-1"];

/// A book of the small region in `world`, as `new.book`.
fn refreshed(world: &World) -> String {
    FakeAws::new(list(us_east_1())).refresh(world, US).exits(0);
    fs::read_to_string(world.path("new.book")).expect("written")
}

// ------------------------------------------------------------------------------------------- Refreshing

#[test]
fn a_report_with_a_refreshed_book_costs_what_its_prices_say() {
    let world = World::new();
    let aws = FakeAws::new(list(us_east_1()));
    let run = aws.refresh(&world, US).exits(0).says(&[
        "us-east-1",
        "Wrote new.book",
        "prices as of 2026-11-20",
    ]);
    world.write(
        "events.jsonl",
        lines(&[
            finished("etl", "a1", T0, T0 + HOUR),
            build("ci", "b1", T0, T0 + 61 * SECOND),
        ]),
    );
    world.import(&["events.jsonl"]).exits(0);
    let report = parsed(
        &world
            .report(&["--format", "json", "--prices", "new.book"])
            .exits(0)
            .stdout,
    );
    // An hour of 0.25 vCPU and 0.5 GiB: 0.25 × 0.05 + 0.5 × 0.006. Two minutes of a small build: 2 × 0.007.
    assert_usd(cost(&report, "etl"), 0.0155);
    assert_usd(cost(&report, "ci"), 0.014);
    let book = report["prices"]["book"].as_str().expect("a hash");
    assert!(
        run.stdout.contains(&format!("book {book}")),
        "{}",
        run.stdout
    );
    let embedded = parsed(&world.report(&["--format", "json"]).exits(0).stdout);
    assert_ne!(embedded["prices"]["book"], book);
}

#[test]
fn the_same_answers_make_the_same_book_in_any_order() {
    let world = World::new();
    let book = refreshed(&world);
    let reversed: Vec<Value> = us_east_1().into_iter().rev().collect();
    FakeAws::new(list(reversed)).refresh(&world, US).exits(0);
    assert_eq!(
        fs::read_to_string(world.path("new.book")).expect("written"),
        book
    );
    assert!(!book.contains(CANARY));
    for line in [
        "us-east-1,linux,x86_64,on_demand,vcpu_hour,0.0500000000,2026-11-20,AWS price list,exact",
        "us-east-1,linux,arm64,on_demand,ephemeral_gib_hour,0.0002000000,2026-11-20,AWS price list,exact",
        "us-east-1,on_demand,LINUX_CONTAINER,BUILD_GENERAL1_SMALL,0.0070000000,minute,2026-11-20,AWS price list,exact",
        "us-east-1,m5.large,0.1000000000,2026-11-20,AWS price list,exact",
        "us-east-1,gp3_gib_month,0.0900000000,usd,2026-11-20,AWS price list,exact",
    ] {
        assert!(
            book.lines().any(|found| found == line),
            "no `{line}` in\n{book}"
        );
    }
}

#[test]
fn every_filter_is_exact_and_every_page_is_read() {
    let world = World::new();
    let aws = FakeAws::new(list(us_east_1()));
    aws.refresh(&world, US).exits(0);
    let calls = aws.calls();
    assert!(
        calls.iter().all(|call| call.operation == "GetProducts"
            && call.filter("regionCode") == Some("us-east-1"))
    );
    let ecs: Vec<&Value> = calls
        .iter()
        .filter(|call| call.is_for("AmazonECS"))
        .map(|call| &call.body["NextToken"])
        .collect();
    assert_eq!(ecs, [&Value::Null, &json!("2"), &json!("4")]);
    let instances = calls
        .iter()
        .find(|call| call.filter("operation").is_some())
        .expect("instances are asked for");
    for (field, value) in [
        ("operatingSystem", "Linux"),
        ("tenancy", "Shared"),
        ("preInstalledSw", "NA"),
        ("capacitystatus", "Used"),
        ("operation", "RunInstances"),
        ("licenseModel", "No License required"),
    ] {
        assert_eq!(instances.filter(field), Some(value), "{field}");
    }
}

#[test]
fn only_refreshed_regions_have_prices() {
    let world = World::new();
    refreshed(&world);
    world
        .run(&[
            "prices",
            "show",
            "--prices",
            "new.book",
            "--region",
            "eu-west-1",
        ])
        .exits(6)
        .says(&["eu-west-1"]);
    let run = world
        .run(&["prices", "show", "--prices", "new.book", "--format", "csv"])
        .exits(0);
    let regions = run
        .stdout
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().expect("a region"));
    assert!(
        regions
            .clone()
            .all(|region| ["us-east-1", "*"].contains(&region))
            && regions.clone().any(|region| region == "*")
    );
    assert!(!run.stdout.contains("spot"));
    let job = [
        "compare",
        "--vcpu",
        "1",
        "--memory",
        "2GiB",
        "--duration",
        "1h",
        "--runs-per-day",
        "1",
        "--days",
        "1",
        "--arch",
        "x86_64",
    ];
    let compare = |region| {
        world.run(
            &[
                &job,
                [
                    "--format", "json", "--prices", "new.book", "--region", region,
                ]
                .as_slice(),
            ]
            .concat(),
        )
    };
    let result = parsed(&compare("us-east-1").exits(0).stdout);
    // 1 × 0.05 + 2 × 0.006.
    let fargate = result["placements"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|found| found["platform"] == "fargate");
    assert_usd(fargate.expect("Fargate")["cost"]["usd"].as_f64(), 0.062);
    compare("eu-west-1").exits(5).says(&["eu-west-1"]);
}

#[test]
fn all_regions_are_those_of_the_list_without_zones() {
    let world = World::new();
    let aws = FakeAws::new(list(us_east_1()));
    let run = aws.refresh(&world, &["--region", "all"]).exits(3);
    assert!(
        run.stdout
            .contains("eu-west-1: not in the price list: CodeBuild "),
        "{}",
        run.stdout
    );
    let mut asked: Vec<String> = aws
        .calls()
        .iter()
        .filter_map(|call| call.filter("regionCode").map(str::to_owned))
        .collect();
    asked.sort();
    asked.dedup();
    assert_eq!(asked, ["eu-west-1", "us-east-1"]);
}

#[test]
fn savings_plan_rates_come_when_asked_for() {
    let world = World::new();
    let aws = FakeAws::new(list(us_east_1()));
    aws.refresh(&world, &["--region", "us-east-1", "--savings-plans"])
        .exits(0)
        .says(&["Savings Plans"]);
    let book = fs::read_to_string(world.path("new.book")).expect("written");
    assert!(
        book.contains("us-east-1,linux,arm64,savings_plan_3yr_all_upfront,gib_hour,0.0013,"),
        "{book}"
    );
    assert_eq!(book.matches("AWS Savings Plans rates").count(), 16 + 4);
    let calls: Vec<Call> = aws
        .calls()
        .into_iter()
        .filter(|call| call.operation.starts_with("Describe"))
        .collect();
    assert_eq!(calls[0].body["savingsPlanTypes"], json!(["Compute"]));
    assert_eq!(calls[0].body["products"], json!(["Fargate"]));
    assert_eq!(
        calls[0].body["filters"],
        json!([{ "name": "region", "values": ["us-east-1"] }])
    );
    assert_eq!(
        calls[1].body["savingsPlanTypes"],
        json!(["Compute", "EC2Instance"])
    );
    assert_eq!(calls[1].body["products"], json!(["EC2"]));
    assert_eq!(
        calls[1].body["filters"],
        json!([
            { "name": "region", "values": ["us-east-1"] },
            { "name": "productDescription", "values": ["Linux/UNIX"] },
            { "name": "tenancy", "values": ["shared"] },
        ])
    );
}

#[test]
fn savings_plan_rates_of_instances_follow_the_type_in_the_book() {
    let world = World::new();
    let aws = FakeAws::new(list(us_east_1()));
    aws.refresh(&world, &["--region", "us-east-1", "--savings-plans"])
        .exits(0)
        .says(&["EC2 Savings Plans"]);
    let book = fs::read_to_string(world.path("new.book")).expect("written");
    let rows: Vec<&str> = book
        .lines()
        .filter(|line| line.starts_with("us-east-1,m5.large ") || line.contains(",m7g.large"))
        .map(|line| line.split(",20").next().expect("up to the date"))
        .collect();
    assert_eq!(
        rows,
        [
            "us-east-1,m5.large ec2_instance_savings_plan_1yr_no_upfront,0.0600",
            "us-east-1,m5.large ec2_instance_savings_plan_3yr_no_upfront,0.0400",
            "us-east-1,m5.large savings_plan_1yr_no_upfront,0.0700",
            "us-east-1,m5.large savings_plan_3yr_no_upfront,0.0500",
        ]
    );
}

#[test]
fn without_o_the_book_goes_to_the_cache_by_day() {
    let world = World::new();
    let cache = world.path("cache").display().to_string();
    let env = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("XDG_CACHE_HOME", &cache),
        ("AWS_REGION", "us-east-1"),
    ];
    let aws = FakeAws::new(list(us_east_1()));
    for _ in 0..2 {
        aws.run_with(&world, &["prices", "refresh"], &env)
            .exits(0)
            .says(&[&cache, ".book"]);
    }
    let files: Vec<String> = fs::read_dir(world.path("cache/plimsoll"))
        .expect("made")
        .map(|entry| {
            entry
                .expect("listed")
                .file_name()
                .into_string()
                .expect("text")
        })
        .collect();
    let [file] = files.as_slice() else {
        panic!("not one file: {files:?}")
    };
    let day = file
        .strip_prefix("prices-")
        .and_then(|rest| rest.strip_suffix(".book"))
        .expect("a dated name");
    assert!(day.parse::<jiff::civil::Date>().is_ok(), "{file}");
}

// ------------------------------------------------------------------------------------------- What AWS may answer

#[test]
fn a_service_without_a_match_is_missing_and_not_priced() {
    let world = World::new();
    let products = us_east_1()
        .into_iter()
        .filter(|product| product["serviceCode"] != "CodeBuild")
        .collect();
    let run = FakeAws::new(list(products)).refresh(&world, US).exits(3);
    assert!(
        run.stdout.contains(
            "us-east-1: not in the price list: CodeBuild ARM_CONTAINER BUILD_GENERAL1_SMALL, "
        ),
        "{}",
        run.stdout
    );
    world.write("events.jsonl", lines(&[build("ci", "b1", T0, T0 + MINUTE)]));
    world.import(&["events.jsonl"]).exits(0);
    let report = parsed(
        &world
            .report(&["--format", "json", "--prices", "new.book"])
            .exits(0)
            .stdout,
    );
    assert_eq!(cost(&report, "ci"), None);
}

#[test]
fn two_products_for_one_price_are_named_and_no_book_is_written() {
    let world = World::new();
    let mut products = us_east_1();
    products.push(instance("M5AGAIN", "m5.large", "0.1100000000"));
    let run = FakeAws::new(list(products))
        .refresh(&world, US)
        .exits(5)
        .says(&["m5.large", "M5", "M5AGAIN"]);
    assert!(run.stdout.is_empty());
    assert!(!world.path("new.book").exists());
}

#[test]
fn prices_that_cannot_be_taken_are_left_out_with_the_reason() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 4] = [
        (
            |product| *tier(product, "pricePerUnit") = json!({ "CNY": "0.3" }),
            "us-east-1: left out, price in CNY, not in USD: VCPU (Fargate linux x86_64 on_demand vcpu_hour)",
        ),
        (
            |product| *tier(product, "unit") = "seconds".into(),
            "left out, unit `seconds`, not ",
        ),
        (
            |product| *tier(product, "beginRange") = "100".into(),
            "left out, charged from 100 units on: VCPU",
        ),
        (
            |product| {
                let term = product["terms"]["OnDemand"]
                    .as_object_mut()
                    .expect("terms")
                    .values_mut()
                    .next()
                    .expect("one");
                term["effectiveDate"] = "2099-01-01T00:00:00Z".into();
            },
            "left out, not in force before 2099-01-01: VCPU",
        ),
    ];
    for (change, reason) in cases {
        let world = World::new();
        let aws = FakeAws::new(list(with_product("VCPU", change)));
        aws.refresh(&world, US).exits(3).says(&[reason]);
        assert!(
            !fs::read_to_string(world.path("new.book"))
                .expect("written")
                .contains("x86_64,on_demand,vcpu_hour")
        );
    }
}

#[test]
fn a_region_priced_in_another_currency_makes_no_book() {
    let world = World::new();
    let mut products = us_east_1();
    for product in &mut products {
        *tier(product, "pricePerUnit") = json!({ "CNY": "0.3" });
        product["product"]["attributes"]["regionCode"] = "cn-north-1".into();
    }
    let aws = FakeAws::new(list(products));
    aws.refresh(&world, &["--region", "cn-north-1"])
        .exits(6)
        .says(&[
            "left out, price in CNY, not in USD: ARMGIB (",
            " and 3 more",
            "no book was written",
        ]);
    assert!(!world.path("new.book").exists());
}

#[test]
fn a_repeated_page_is_an_error_and_not_a_loop() {
    let world = World::new();
    let aws = FakeAws::new(|_, _| (200, json!({ "PriceList": [], "NextToken": "again" })));
    aws.refresh(&world, US)
        .exits(5)
        .says(&["AWS repeats a page of the prices of"]);
    assert_eq!(aws.calls().len(), 2);
}

#[test]
fn throttling_is_waited_out() {
    let world = World::new();
    let priced = list(us_east_1());
    let aws = FakeAws::new(move |call, before| match before {
        0 => (
            400,
            json!({ "__type": "ThrottlingException", "Message": "Rate exceeded" }),
        ),
        2 => (503, json!({})),
        _ => priced(call, before),
    });
    aws.refresh(&world, US).exits(0);
}

#[test]
fn an_answer_that_cannot_be_read_is_named() {
    let world = World::new();
    for answer in [
        json!("no JSON {"),
        json!({ "PriceList": ["{}"] }),
        json!({ "PriceList": ["no JSON"] }),
        json!({ "PriceList": 5 }),
    ] {
        let said = format!("{answer}");
        let aws = FakeAws::new(move |_, _| (200, answer.clone()));
        let run = aws.refresh(&world, US).exits(5);
        assert!(run.stderr.contains("price"), "{said}: {}", run.stderr);
    }
    assert!(!world.path("new.book").exists());
}

#[test]
fn refused_and_missing_credentials_are_told_apart_from_failures() {
    let world = World::new();
    let refused = |code: &'static str| {
        FakeAws::new(move |_, _| (400, json!({ "__type": code, "Message": "not you" })))
    };
    for code in [
        "AccessDeniedException",
        "UnrecognizedClientException",
        "ExpiredTokenException",
    ] {
        let run = refused(code).refresh(&world, US).exits(7).says(&[
            code,
            "not you",
            "pricing:GetProducts",
        ]);
        assert!(!run.said().contains(CANARY));
    }
    let aws = FakeAws::new(list(us_east_1()));
    aws.run_with(
        &world,
        &[
            "prices",
            "refresh",
            "-o",
            "new.book",
            "--region",
            "us-east-1",
        ],
        &[],
    )
    .exits(7)
    .says(&["log in"]);
    assert!(aws.calls().is_empty());
    refused("InvalidParameterException")
        .refresh(&world, US)
        .exits(1)
        .says(&["InvalidParameterException: not you"]);
}

// ------------------------------------------------------------------------------------------- Usage

#[test]
fn nothing_is_asked_before_the_flags_are_right() {
    let world = World::new();
    let aws = FakeAws::new(list(us_east_1()));
    let refused = |args: &[&str], code, words: &[&str]| {
        aws.run(&world, &[&["prices", "refresh"], args].concat())
            .exits(code)
            .says(words);
    };
    refused(&["-o", "new.book"], 2, &["no region", "--region"]);
    refused(
        &["-o", "-", "--region", "us-east-1"],
        2,
        &["not to standard output"],
    );
    refused(
        &["-o", "new.book", "--region", "all", "--region", "us-east-1"],
        2,
        &["stands alone"],
    );
    refused(
        &[
            "-o",
            "new.book",
            "--region",
            "cn-north-1",
            "--region",
            "us-east-1",
        ],
        2,
        &["China"],
    );
    refused(
        &["-o", "new.book", "--region", "US"],
        2,
        &["not the name of a region"],
    );
    refused(
        &["-o", "missing/new.book", "--region", "us-east-1"],
        10,
        &["missing/new.book"],
    );
    for url in ["localhost", "http://", "ftp://localhost", "http://:80"] {
        let env = [
            ("AWS_ENDPOINT_URL", url),
            ("AWS_ACCESS_KEY_ID", "A"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
        ];
        aws.run_with(
            &world,
            &[
                "prices",
                "refresh",
                "-o",
                "new.book",
                "--region",
                "us-east-1",
            ],
            &env,
        )
        .exits(2)
        .says(&["AWS_ENDPOINT_URL"]);
    }
    assert!(aws.calls().is_empty());
}

// ------------------------------------------------------------------------------------------- Frozen books

#[test]
fn a_book_that_is_not_whole_is_named_with_its_line() {
    let world = World::with(&[finished("etl", "a1", T0, T0 + HOUR)]);
    let whole = refreshed(&world);
    let lines = whole.lines().count();
    let half: String = whole.split_inclusive('\n').take(lines / 2).collect();
    world.write("cut.book", half);
    world.write("newer.book", whole.replacen("format 2", "format 9", 1));
    world.write(
        "changed.book",
        whole.replacen("0.0500000000", "0.0400000000", 1),
    );
    world.write(
        "malformed.book",
        whole.replacen("us-east-1,m5.large,0.1", "us-east-1,m5.large,-0.1", 1),
    );
    world.write("other.book", "PAR1\u{0}\u{1}");
    let malformed = whole
        .lines()
        .position(|line| line.starts_with("us-east-1,m5.large,"))
        .expect("there")
        + 1;
    let cases = [
        (
            "cut.book",
            format!("line {}: the book is cut off", lines / 2),
        ),
        ("newer.book", "line 1: format 9 is newer".to_owned()),
        (
            "changed.book",
            format!("line {lines}: the book was changed or cut"),
        ),
        (
            "malformed.book",
            format!("line {malformed}: table ec2: `-0.1000000000` cannot be the usd_per_hour"),
        ),
        (
            "other.book",
            "line 1: this is no plimsoll price book".to_owned(),
        ),
    ];
    for (file, problem) in &cases {
        let problem = format!("price book `{file}`, {problem}");
        world.report(&["--prices", file]).exits(5).says(&[&problem]);
        world
            .run(&["prices", "show", "--prices", file])
            .exits(5)
            .says(&[&problem]);
        let job = [
            "compare",
            "--vcpu",
            "1",
            "--memory",
            "2GiB",
            "--duration",
            "1h",
            "--runs-per-day",
            "1",
            "--region",
            "us-east-1",
        ];
        world
            .run(&[&job, ["--prices", file].as_slice()].concat())
            .exits(5)
            .says(&[&problem]);
    }
    world
        .report(&["--prices", "none.book"])
        .exits(2)
        .says(&["none.book"]);
}
