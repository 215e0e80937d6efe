//! `prices refresh --bulk` and `--from-files`: AWS's public price list, from loopback and from a folder.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::{instance, refreshed, us_east_1, with_product};
use crate::support::{Run, World, command};

// ------------------------------------------------------------------------------------------- A loopback file server

/// A file, and what is wrong with how it is served.
#[derive(Clone, Default)]
struct Served {
    body: Vec<u8>,
    /// The `ETag`; without it the body's MD5, as S3 has it.
    etag: Option<String>,
    /// The first answers end after so many bytes each.
    cuts: Vec<usize>,
    /// The first answers are this status.
    refusals: Vec<u16>,
    /// What is there from the second answer on.
    then: Option<Vec<u8>>,
}

#[derive(Debug, Clone)]
struct Asked {
    path: String,
    range: Option<String>,
    if_range: Option<String>,
}

struct Files {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    server: Option<JoinHandle<()>>,
}

fn etag(body: &[u8]) -> String {
    let hex: String = Md5::digest(body)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
    format!("\"{hex}\"")
}

impl Files {
    fn new(files: BTreeMap<String, Served>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let port = listener.local_addr().expect("bound").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let server = std::thread::spawn(move || {
            let mut answered: BTreeMap<String, usize> = BTreeMap::new();
            for stream in listener.incoming().take(1_000) {
                let mut stream = stream.expect("a connection");
                let Some(ask) = read_head(&stream) else {
                    return;
                };
                seen.lock().expect("whole").push(ask.clone());
                let before = answered.entry(ask.path.clone()).or_default();
                // A client that has left is its own affair.
                let _ = answer(&mut stream, files.get(&ask.path), &ask, *before);
                *before += 1;
            }
        });
        Self {
            port,
            asked,
            server: Some(server),
        }
    }

    fn asked(&self, path: &str) -> Vec<Asked> {
        let asked = self.asked.lock().expect("whole");
        asked
            .iter()
            .filter(|ask| ask.path == path)
            .cloned()
            .collect()
    }

    /// `prices refresh --bulk -o bulk.book` with `args`; no credentials are there.
    fn refresh(&self, world: &World, args: &[&str]) -> Run {
        let all = [&["prices", "refresh", "--bulk", "-o", "bulk.book"], args].concat();
        Run::of(&self.command(world, &all).output().expect("the binary runs"))
    }

    fn command(&self, world: &World, args: &[&str]) -> std::process::Command {
        let mut command = command(args);
        let url = format!("http://127.0.0.1:{}", self.port);
        command
            .current_dir(world.path(""))
            .env("HOME", world.path("home"))
            .env("PLIMSOLL_PRICE_LIST_URL", &url)
            .env("PLIMSOLL_FARGATE_SPOT_URL", format!("{url}/spot.json"))
            .env("PLIMSOLL_EC2_SPOT_URL", format!("{url}/ec2-spot.json"));
        command
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // A connection without a question ends the server.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

fn read_head(stream: &TcpStream) -> Option<Asked> {
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
        head.iter()
            .find_map(|line| {
                let (found, value) = line.split_once(':')?;
                found.eq_ignore_ascii_case(name).then(|| value.trim())
            })
            .map(str::to_owned)
    };
    Some(Asked {
        path: head.first()?.split(' ').nth(1)?.to_owned(),
        range: header("range"),
        if_range: header("if-range"),
    })
}

fn answer(
    stream: &mut TcpStream,
    file: Option<&Served>,
    ask: &Asked,
    before: usize,
) -> std::io::Result<()> {
    let Some(file) = file else {
        return stream.write_all(
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
    };
    if let Some(status) = file.refusals.get(before) {
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return stream.write_all(head.as_bytes());
    }
    let body = match &file.then {
        Some(then) if before > 0 => then,
        _ => &file.body,
    };
    let etag = file.etag.clone().unwrap_or_else(|| etag(body));
    let from = ask
        .range
        .as_deref()
        .and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse()
                .ok()
        })
        .filter(|_| ask.if_range.as_deref() == Some(&etag));
    let (status, from) = match from {
        Some(from) => ("206 Partial Content", from),
        None => ("200 OK", 0),
    };
    let rest: &[u8] = &body[from..];
    let mut head = format!(
        "HTTP/1.1 {status}\r\nETag: {etag}\r\nContent-Length: {}\r\nConnection: close\r\n",
        rest.len()
    );
    if from > 0 {
        let last = body.len() - 1;
        let _ = write!(
            head,
            "Content-Range: bytes {from}-{last}/{}\r\n",
            body.len()
        );
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    let sent = file.cuts.get(before).copied().unwrap_or(rest.len());
    stream.write_all(&rest[..sent.min(rest.len())])
}

// ------------------------------------------------------------------------------------------- The list's own shapes

/// Columns of a file of the list: those that matter, and some of the many that do not.
const COLUMNS: [(&str, &str); 18] = [
    ("Product Family", "productFamily"),
    ("serviceCode", "serviceCode"),
    ("Location", "location"),
    ("Location Type", "locationType"),
    ("Region Code", "regionCode"),
    ("Instance Type", "instanceType"),
    ("Tenancy", "tenancy"),
    ("Operating System", "operatingSystem"),
    ("License Model", "licenseModel"),
    ("usageType", "usagetype"),
    ("operation", "operation"),
    ("CapacityStatus", "capacitystatus"),
    ("Pre Installed S/W", "preInstalledSw"),
    ("CPU Architecture", "cpuArchitecture"),
    ("Volume API Name", "volumeApiName"),
    ("Compute Family", "computeFamily"),
    ("Compute Type", "computeType"),
    ("Instance Capacity - 10xlarge", "none"),
];
const PREAMBLE: &str = "\"FormatVersion\",\"v1.0\"\n\"Disclaimer\",\"For information, and with a , comma\"\n\
                        \"Publication Date\",\"2026-11-20T10:11:12Z\"\n\"Version\",\"20261120101112\"\n";

/// A file of the list with the products of `service`, as AWS writes CSV.
fn csv(products: &[Value], service: &str) -> String {
    let mut text = format!("{PREAMBLE}\"OfferCode\",\"{service}\"\n");
    let mut header =
        "SKU,OfferTermCode,RateCode,TermType,PriceDescription,EffectiveDate,StartingRange,EndingRange,Unit,PricePerUnit,Currency"
            .to_owned();
    for (column, _) in COLUMNS {
        let _ = write!(header, ",{column}");
    }
    text += &(header + "\n");
    for product in products
        .iter()
        .filter(|product| product["serviceCode"] == service)
    {
        for row in rows(product, service) {
            text += &(row + "\n");
        }
    }
    text
}

fn rows(product: &Value, service: &str) -> Vec<String> {
    let sku = product["product"]["sku"].as_str().expect("a SKU");
    let mut about = String::new();
    for (_, name) in COLUMNS {
        let cell = match name {
            "productFamily" => product["product"]["productFamily"].as_str(),
            "serviceCode" => Some(service),
            name => product["product"]["attributes"][name].as_str(),
        };
        let _ = write!(about, ",{}", cell.unwrap_or_default());
    }
    let mut rows = Vec::new();
    for term in product["terms"]["OnDemand"]
        .as_object()
        .expect("terms")
        .values()
    {
        for (rate, tier) in term["priceDimensions"].as_object().expect("tiers") {
            for (currency, usd) in tier["pricePerUnit"].as_object().expect("prices") {
                rows.push(format!(
                    "{sku},JRTCKXETXF,{rate},OnDemand,\"$ per, hour\",{},{},{},{},{},{currency}{about}",
                    &term["effectiveDate"].as_str().expect("a time")[..10],
                    tier["beginRange"].as_str().unwrap_or("0"),
                    tier["endRange"].as_str().unwrap_or("Inf"),
                    tier["unit"].as_str().expect("a unit"),
                    usd.as_str().expect("a price"),
                ));
            }
        }
    }
    rows
}

/// The same file as AWS writes JSON.
fn json_file(products: &[Value], service: &str) -> String {
    let of_service = || {
        products
            .iter()
            .filter(|product| product["serviceCode"] == service)
    };
    let sku = |product: &Value| {
        product["product"]["sku"]
            .as_str()
            .expect("a SKU")
            .to_owned()
    };
    let described: serde_json::Map<_, _> = of_service()
        .map(|product| (sku(product), product["product"].clone()))
        .collect();
    let terms: serde_json::Map<_, _> = of_service()
        .map(|product| (sku(product), product["terms"]["OnDemand"].clone()))
        .collect();
    // Written by hand: a map of ours would not keep AWS's order, products before terms.
    format!(
        "{{\"formatVersion\":\"v1.0\",\"offerCode\":\"{service}\",\"version\":\"1\",\"publicationDate\":\"2026-11-20T10:11:12Z\",\
         \"products\":{},\"terms\":{{\"OnDemand\":{},\"Reserved\":{{\"X\":{{\"X.Y\":{{\"any\":[1]}}}}}}}},\"attributesList\":{{}}}}",
        Value::Object(described),
        Value::Object(terms)
    )
}

const SERVICES: [&str; 4] = ["AmazonECS", "CodeBuild", "AmazonEC2", "AmazonVPC"];

fn path(service: &str) -> String {
    format!("/offers/v1.0/aws/{service}/20261120101112/us-east-1/index.csv")
}

fn served(body: impl Into<Vec<u8>>) -> Served {
    Served {
        body: body.into(),
        ..Served::default()
    }
}

/// The list of the region us-east-1 with these products.
fn list(products: &[Value]) -> BTreeMap<String, Served> {
    let mut files = BTreeMap::new();
    let mut offers = json!({ "formatVersion": "v1.0", "offers": { "AmazonGlacier": { "offerCode": "AmazonGlacier" } } });
    for service in SERVICES {
        let regions = format!("/offers/v1.0/aws/{service}/current/region_index.json");
        let index = json!({ "regions": { "us-east-1": {
            "regionCode": "us-east-1", "currentVersionUrl": path(service).replace(".csv", ".json"),
        } } });
        files.insert(regions.clone(), served(index.to_string()));
        files.insert(path(service), served(csv(products, service)));
        offers["offers"][service] =
            json!({ "offerCode": service, "currentRegionIndexUrl": regions });
    }
    files.insert(
        "/offers/v1.0/aws/index.json".to_owned(),
        served(offers.to_string()),
    );
    files
}

const US: &[&str] = &["--region", "us-east-1"];

/// The tables of a book: all but the line that says how it was made, and the checksum of that line, too.
fn tables(book: &str) -> Vec<&str> {
    let is_table = |line: &&str| !line.starts_with("# refreshed") && !line.starts_with("[end]");
    book.lines().filter(is_table).collect()
}

fn bulk_book(world: &World) -> String {
    fs::read_to_string(world.path("bulk.book")).expect("written")
}

// ------------------------------------------------------------------------------------------- The same prices

#[test]
fn the_bulk_list_makes_the_book_that_the_api_makes() {
    let world = World::new();
    let of_api = refreshed(&world);
    let run = Files::new(list(&us_east_1())).refresh(&world, US).exits(0);
    let of_bulk = bulk_book(&world);
    assert_eq!(tables(&of_bulk), tables(&of_api));
    assert!(of_bulk.contains("from AWS's bulk price list; regions: us-east-1"));
    assert!(
        run.stdout.contains("prices as of 2026-11-20"),
        "{}",
        run.stdout
    );
}

#[test]
fn files_fetched_elsewhere_make_the_same_book_in_either_form() {
    let world = World::new();
    let of_api = refreshed(&world);
    for service in SERVICES {
        world.write(&format!("csv/{service}.csv"), csv(&us_east_1(), service));
        world.write(
            &format!("json/{service}/us-east-1/index.json"),
            json_file(&us_east_1(), service),
        );
        world.write(&format!("both/a/{service}.csv"), csv(&us_east_1(), service));
        world.write(
            &format!("both/b/{service}.json"),
            json_file(&us_east_1(), service),
        );
    }
    world.write("both/readme.txt", "not a price list");
    for folder in ["csv", "json", "both"] {
        world
            .run(&[
                "prices",
                "refresh",
                "--from-files",
                folder,
                "-o",
                "bulk.book",
            ])
            .exits(0);
        assert_eq!(tables(&bulk_book(&world)), tables(&of_api), "{folder}");
    }
}

/// Everything odd that real files and copies of them have.
fn with_oddities(text: &str) -> String {
    let header = text.find("SKU,").expect("a header");
    let (head, rows) = text.split_at(header);
    let columns = rows.lines().next().expect("a header").split(',').count();
    let odd = |change: &[(&str, &str)]| {
        let row = rows
            .lines()
            .find(|line| line.contains("m5.large"))
            .expect("an instance");
        change
            .iter()
            .fold(row.to_owned(), |row, (from, to)| row.replace(from, to))
    };
    let lines = [
        odd(&[("M5,", "RHEL,"), (",Linux,", ",RHEL,")]),
        odd(&[("M5,", "DEDICATED,"), (",Shared,", ",Dedicated,")]),
        odd(&[("M5,", "OUTPOST,"), ("AWS Region", "AWS Outposts")]),
        odd(&[("M5,", "SPARE,"), (",Used,", ",UnusedCapacityReservation,")]),
        odd(&[("M5,", "SQL,"), (",NA,", ",SQL Std,")]),
        odd(&[
            ("OnDemand,", "Reserved,"),
            ("Hrs,0.1000000000", "Quantity,3162"),
        ]),
        // The same row again, and a term that has ended, dated as some copies do.
        odd(&[]),
        odd(&[
            ("2026-07-01", "30/04/2015"),
            ("JRTCKXETXF", "OLDTERM"),
            ("0.1000000000", "0.9"),
        ]),
        odd(&[
            ("2026-07-01", "2099-01-01"),
            ("JRTCKXETXF", "NEXTTERM"),
            ("0.1000000000", "0.8"),
        ]),
    ];
    let mut rows = rows.to_owned();
    for line in lines {
        assert!(columns > 20, "a wide file");
        rows += &(line + "\n");
    }
    format!("sep=,\n{head}{rows}")
}

#[test]
fn oddities_of_real_files_change_nothing() {
    let world = World::new();
    let of_api = refreshed(&world);
    let mut files = list(&us_east_1());
    let odd = with_oddities(&csv(&us_east_1(), "AmazonEC2"));
    files.insert(path("AmazonEC2"), served(odd));
    Files::new(files).refresh(&world, US).exits(0);
    assert_eq!(tables(&bulk_book(&world)), tables(&of_api));
}

#[test]
fn a_line_that_is_not_whole_is_left_out_by_its_number() {
    let world = World::new();
    let text = csv(&us_east_1(), "AmazonECS").replacen("\nGIB,", "\nINVALID\nGIB,", 1);
    let line = text
        .lines()
        .position(|line| line == "INVALID")
        .expect("there")
        + 1;
    let mut files = list(&us_east_1());
    files.insert(path("AmazonECS"), served(text));
    let problem = format!("left out, it has 1 cells, its header 29: line {line}");
    Files::new(files)
        .refresh(&world, US)
        .exits(3)
        .says(&[&problem]);
}

#[test]
fn a_file_cut_within_a_line_makes_no_book() {
    let world = World::new();
    for service in SERVICES {
        let text = csv(&us_east_1(), service);
        let cut = if service == "AmazonEC2" { 40 } else { 0 };
        world.write(&format!("cut/{service}.csv"), &text[..text.len() - cut]);
        let text = json_file(&us_east_1(), service);
        world.write(&format!("json/{service}.json"), &text[..text.len() - cut]);
    }
    for folder in ["cut", "json"] {
        world
            .run(&[
                "prices",
                "refresh",
                "--from-files",
                folder,
                "-o",
                "bulk.book",
            ])
            .exits(5)
            .says(&["AmazonEC2", "the file is cut off"]);
        assert!(!world.path("bulk.book").exists());
    }
}

// ------------------------------------------------------------------------------------------- The same checks

#[test]
fn prices_that_cannot_be_taken_are_left_out_as_from_the_api() {
    let cases = [
        (
            "2099-01-01T00:00:00Z",
            "USD",
            "left out, not in force before 2099-01-01: VCPU",
        ),
        (
            "2026-07-01T00:00:00Z",
            "CNY",
            "left out, price in CNY, not in USD: VCPU",
        ),
    ];
    for (from, currency, reason) in cases {
        let world = World::new();
        let products = with_product("VCPU", |product| {
            let term = &mut product["terms"]["OnDemand"]["VCPU.JRTCKXETXF"];
            term["effectiveDate"] = from.into();
            *super::tier(product, "pricePerUnit") = json!({ currency: "0.3" });
        });
        Files::new(list(&products))
            .refresh(&world, US)
            .exits(3)
            .says(&[reason]);
        assert!(!bulk_book(&world).contains("x86_64,on_demand,vcpu_hour"));
    }
}

#[test]
fn of_two_currencies_the_dollar_is_taken() {
    let world = World::new();
    let of_api = refreshed(&world);
    let products = with_product("VCPU", |product| {
        *super::tier(product, "pricePerUnit") = json!({ "USD": "0.0500000000", "CNY": "0.3" });
    });
    Files::new(list(&products)).refresh(&world, US).exits(0);
    assert_eq!(tables(&bulk_book(&world)), tables(&of_api));
}

#[test]
fn two_products_for_one_price_are_an_error_that_names_both() {
    let world = World::new();
    let mut products = us_east_1();
    products.push(instance("M5AGAIN", "m5.large", "0.1100000000"));
    Files::new(list(&products))
        .refresh(&world, US)
        .exits(5)
        .says(&["m5.large", "M5; M5AGAIN"]);
    assert!(!world.path("bulk.book").exists());
}

#[test]
fn an_unknown_region_is_a_usage_error() {
    let world = World::new();
    let files = Files::new(list(&us_east_1()));
    files
        .refresh(&world, &["--region", "cn-north-1"])
        .exits(2)
        .says(&["has no region cn-north-1"]);
    files
        .refresh(&world, &[])
        .exits(2)
        .says(&["no region is configured"]);
}

// ------------------------------------------------------------------------------------------- Networks

/// The list with the file of ECS served so.
fn with_ecs(change: impl FnOnce(&mut Served)) -> Files {
    let mut files = list(&us_east_1());
    change(files.get_mut(&path("AmazonECS")).expect("there"));
    Files::new(files)
}

#[test]
fn a_cut_connection_goes_on_where_it_stopped() {
    let world = World::new();
    let of_api = refreshed(&world);
    let files = with_ecs(|ecs| ecs.cuts = vec![700, 0, 300]);
    files.refresh(&world, US).exits(0);
    assert_eq!(tables(&bulk_book(&world)), tables(&of_api));
    let asked = files.asked(&path("AmazonECS"));
    let ranges: Vec<Option<&str>> = asked.iter().map(|ask| ask.range.as_deref()).collect();
    assert_eq!(
        ranges,
        [
            None,
            Some("bytes=700-"),
            Some("bytes=700-"),
            Some("bytes=1000-")
        ]
    );
    assert!(asked[1].if_range.is_some());
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let world = World::new();
    let files = with_ecs(|ecs| ecs.refusals = vec![503, 429]);
    files.refresh(&world, US).exits(0);
}

#[test]
fn a_server_that_stays_away_is_given_up_with_the_next_step() {
    let world = World::new();
    let files = with_ecs(|ecs| ecs.refusals = vec![500; 20]);
    files
        .refresh(&world, US)
        .exits(1)
        .says(&["AmazonECS", "500", "goes on where it stopped"]);
    assert_eq!(files.asked(&path("AmazonECS")).len(), 5);
}

#[test]
fn a_file_that_changes_meanwhile_is_read_anew() {
    let world = World::new();
    let newer = with_product("VCPU", |product| {
        *super::tier(product, "pricePerUnit") = json!({ "USD": "0.0600000000" });
    });
    let files = with_ecs(|ecs| {
        ecs.cuts = vec![700];
        ecs.then = Some(csv(&newer, "AmazonECS").into_bytes());
    });
    files.refresh(&world, US).exits(0);
    assert!(bulk_book(&world).contains("us-east-1,linux,x86_64,on_demand,vcpu_hour,0.0600000000,"));
    let asked = files.asked(&path("AmazonECS"));
    assert_eq!(asked.len(), 3);
    assert!(asked[1].range.is_some() && asked[2].range.is_none());
}

#[test]
fn a_file_that_is_not_what_the_server_says_makes_no_book() {
    let world = World::new();
    let files = with_ecs(|ecs| ecs.etag = Some(etag(b"another file")));
    files
        .refresh(&world, US)
        .exits(5)
        .says(&["AmazonECS", "its checksum is ", "the server says"]);
    assert!(!world.path("bulk.book").exists());
    let files = with_ecs(|ecs| ecs.etag = Some(format!("\"{}-12\"", "a".repeat(32))));
    files.refresh(&world, US).exits(0);
}

#[test]
fn a_refresh_that_was_stopped_goes_on_with_the_next_file() {
    let world = World::new();
    let of_api = refreshed(&world);
    let mut broken = list(&us_east_1());
    broken.get_mut(&path("AmazonEC2")).expect("there").refusals = vec![404];
    let files = Files::new(broken);
    files
        .refresh(&world, US)
        .exits(1)
        .says(&["AmazonEC2", "404"]);
    // The same server, now whole: what was read before is known by its ETag, and its body is not read again.
    let kept = world.path("home/.cache/plimsoll/price-list/AmazonECS-us-east-1.json.gz");
    let before = fs::metadata(&kept)
        .expect("kept")
        .modified()
        .expect("a time");
    let run = files
        .refresh(&world, &["--region", "us-east-1", "-v"])
        .exits(0);
    assert!(
        run.stderr
            .contains("unchanged file=\"AmazonECS-us-east-1\""),
        "{}",
        run.stderr
    );
    assert_eq!(
        fs::metadata(&kept)
            .expect("kept")
            .modified()
            .expect("a time"),
        before
    );
    assert_eq!(tables(&bulk_book(&world)), tables(&of_api));
    // A kept file that is damaged is none.
    let mut bytes = fs::read(&kept).expect("kept");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&kept, bytes).expect("written");
    files.refresh(&world, US).exits(0);
    assert_eq!(tables(&bulk_book(&world)), tables(&of_api));
}

// ------------------------------------------------------------------------------------------- Spot and Savings Plans

const SPOT: &str = r#"{"metadata":{"format:version":"1.0","source:version":"20260929214100"},"prices":[
{"id":"a","unit":"vCPU-Hours","price":{"USD":"0.01288561"},"attributes":{"aws:region":"us-east-1","aws:label":"per vCPU per hour"}},
{"id":"b","unit":"GB-Hours","price":{"USD":"0.00141493"},"attributes":{"aws:region":"us-east-1","aws:label":"per GB per hour"}},
{"id":"c","unit":"vCPU-Hours","price":{"USD":"0.01379631"},"attributes":{"aws:region":"eu-west-1","aws:label":"per vCPU per hour"}}]}"#;

/// In the shape of the feed behind the EC2 Spot pricing page: old names of regions, types that are not offered, Windows.
const EC2_SPOT: &str = r#"{"vers":0.01,"config":{"rate":"perhr","valueColumns":["linux","mswin"],"currencies":["USD"],"regions":[
{"region":"us-east","footnotes":{"*":"notAvailableForCCorCGPU"},"instanceTypes":[
{"type":"generalCurrentGen","sizes":[
{"size":"m6i.large","valueColumns":[{"name":"linux","prices":{"USD":"0.0406"}},{"name":"mswin","prices":{"USD":"0.1295"}}]},
{"size":"m6g.large","valueColumns":[{"name":"linux","prices":{"USD":"0.0312"}},{"name":"mswin","prices":{"USD":"N/A*"}}]},
{"size":"m7i.large","valueColumns":[{"name":"linux","prices":{"USD":"N/A*"}},{"name":"mswin","prices":{"USD":"N/A*"}}]},
{"size":"zz9.plural","valueColumns":[{"name":"linux","prices":{"USD":"1.0"}}]}]}]},
{"region":"eu-ireland","instanceTypes":[{"type":"generalCurrentGen","sizes":[
{"size":"m6i.large","valueColumns":[{"name":"linux","prices":{"USD":"0.0518"}}]}]}]}]}}"#;

/// The list with both Spot feeds.
fn with_spot(spot: &str) -> BTreeMap<String, Served> {
    let mut files = list(&us_east_1());
    files.insert("/spot.json".to_owned(), served(spot));
    files.insert("/ec2-spot.json".to_owned(), served(EC2_SPOT));
    files
}

#[test]
fn spot_prices_of_instances_come_from_their_page_s_feed() {
    let world = World::new();
    Files::new(with_spot(SPOT))
        .refresh(&world, &["--region", "us-east-1", "--spot"])
        .exits(0)
        .says(&["EC2 Spot"]);
    let book = bulk_book(&world);
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let rows: Vec<&str> = book
        .lines()
        .filter(|line| line.contains("EC2 Spot feed"))
        .collect();
    assert_eq!(
        rows,
        [
            format!("us-east-1,m6g.large spot,0.0312,{today},EC2 Spot feed,snapshot"),
            format!("us-east-1,m6i.large spot,0.0406,{today},EC2 Spot feed,snapshot"),
        ]
    );
    let shown = world.run(&[
        "prices",
        "show",
        "--prices",
        "bulk.book",
        "--service",
        "ec2",
        "--type",
        "spot",
        "--format",
        "csv",
    ]);
    assert_eq!(
        shown.exits(0).stdout.lines().count(),
        3,
        "a header and two prices"
    );
    world.write("feeds/ec2.json", EC2_SPOT);
    let run = world.run(&[
        "prices",
        "refresh",
        "--from-files",
        "feeds",
        "--spot",
        "--region",
        "eu-west-1",
        "-o",
        "eu.book",
    ]);
    run.exits(3).says(&["EC2 Spot"]);
    let book = fs::read_to_string(world.path("eu.book")).expect("written");
    assert!(
        book.contains("eu-west-1,m6i.large spot,0.0518,,EC2 Spot feed,snapshot"),
        "{book}"
    );
    world.write("feeds/ec2.json", EC2_SPOT.replace("perhr", "permonth"));
    world
        .run(&[
            "prices",
            "refresh",
            "--from-files",
            "feeds",
            "--spot",
            "-o",
            "no.book",
        ])
        .exits(5)
        .says(&["permonth", "ec2.json"]);
}

#[test]
fn the_spot_feed_comes_when_asked_for() {
    let world = World::new();
    let files = with_spot(SPOT);
    Files::new(files)
        .refresh(&world, &["--region", "us-east-1", "--spot"])
        .exits(0)
        .says(&["Fargate Spot"]);
    let book = bulk_book(&world);
    for line in [
        "us-east-1,linux,x86_64,spot,vcpu_hour,0.01288561,2026-09-29,Fargate Spot feed,snapshot",
        "us-east-1,linux,x86_64,spot,gib_hour,0.00141493,2026-09-29,Fargate Spot feed,snapshot",
    ] {
        assert!(book.lines().any(|found| found == line), "{book}");
    }
    assert!(!book.contains("eu-west-1"));
}

#[test]
fn a_label_that_nobody_knows_is_no_price() {
    let world = World::new();
    let files = with_spot(&SPOT.replace("per GB per hour", "per GB per hour on ARM"));
    Files::new(files)
        .refresh(&world, &["--region", "us-east-1", "--spot"])
        .exits(3)
        .says(&["it is not told what it is the price of", "on ARM"]);
}

#[test]
fn savings_plans_of_the_bulk_list_are_those_of_the_api() {
    let world = World::new();
    let aws = super::FakeAws::new(super::list(us_east_1()));
    aws.refresh(&world, &["--region", "us-east-1", "--savings-plans"])
        .exits(0);
    let of_api = fs::read_to_string(world.path("new.book")).expect("written");
    let mut files = list(&us_east_1());
    let index = &mut files
        .get_mut("/offers/v1.0/aws/index.json")
        .expect("there")
        .body;
    let mut offers: Value = serde_json::from_slice(index).expect("JSON");
    offers["offers"]["AmazonEC2"]["currentSavingsPlanIndexUrl"] =
        "/savingsPlan/v1.0/aws/AWSComputeSavingsPlan/current/region_index.json".into();
    *index = offers.to_string().into_bytes();
    files.insert(
        "/savingsPlan/v1.0/aws/AWSComputeSavingsPlan/current/region_index.json".to_owned(),
        served(json!({ "regions": [{ "regionCode": "us-east-1", "versionUrl": "/savingsPlan/us-east-1/index.json" }] }).to_string()),
    );
    files.insert(
        "/savingsPlan/us-east-1/index.json".to_owned(),
        served(plans()),
    );
    Files::new(files)
        .refresh(&world, &["--region", "us-east-1", "--savings-plans"])
        .exits(0);
    assert_eq!(tables(&bulk_book(&world)), tables(&of_api));
}

/// The plans that the fake API knows, with rates of other services, regions and payment options beside.
fn plans() -> String {
    let (mut products, mut terms) = (Vec::new(), Vec::new());
    let region: Value = "us-east-1".into();
    let rates = [super::rates(&region), super::instance_rates(&region)].concat();
    for (number, rate) in rates.iter().enumerate() {
        let offering = &rate["savingsPlanOffering"];
        let years = offering["durationSeconds"].as_i64().expect("a number") / 31_536_000;
        let sku = format!("SKU{number}");
        let family = match offering["planType"].as_str() {
            Some("EC2Instance") => "EC2InstanceSavingsPlans",
            _ => "ComputeSavingsPlans",
        };
        products.push(json!({ "sku": sku, "productFamily": family,
            "attributes": { "purchaseOption": offering["paymentOption"], "purchaseTerm": format!("{years}yr") } }));
        let discounted = |service: &Value, usage: &Value, region: &str| {
            json!({ "discountedServiceCode": service, "discountedUsageType": usage, "discountedOperation": rate["operation"],
                "discountedRegionCode": region, "unit": "Hrs", "discountedRate": { "price": rate["rate"], "currency": "USD" } })
        };
        terms.push(json!({ "sku": sku, "leaseContractLength": { "duration": years, "unit": "year" }, "rates": [
            discounted(&rate["serviceCode"], &rate["usageType"], "us-east-1"),
            discounted(&rate["serviceCode"], &rate["usageType"], "us-east-1-bos-1"),
            discounted(&"AmazonEKS".into(), &rate["usageType"], "us-east-1"),
            discounted(&"AmazonEC2".into(), &"DedicatedUsage:m5.large".into(), "us-east-1"),
        ] }));
    }
    products.push(
        json!({ "sku": "UPFRONT", "productFamily": "ComputeSavingsPlans",
        "attributes": { "purchaseOption": "All Upfront", "purchaseTerm": "1yr" } }),
    );
    terms.push(json!({ "sku": "UPFRONT", "rates": [
        { "discountedServiceCode": "AmazonEC2", "discountedUsageType": "BoxUsage:m5.large", "discountedOperation": "RunInstances",
            "unit": "Hrs", "discountedRate": { "price": "0.01", "currency": "USD" } } ] }));
    products
        .push(json!({ "sku": "DB", "productFamily": "DatabaseSavingsPlans", "attributes": {} }));
    terms.push(json!({ "sku": "DB", "rates": [] }));
    // Written by hand: products come before terms.
    format!(
        "{{\"publicationDate\":\"2026-11-20T10:11:12Z\",\"products\":{},\"terms\":{{\"savingsPlan\":{}}}}}",
        Value::Array(products),
        Value::Array(terms)
    )
}

// ------------------------------------------------------------------------------------------- Size

/// Serves the file of EC2 with so many lines more that nobody needs that it has 500 MB, made as they go out.
fn serve_large(listener: &TcpListener, small: &BTreeMap<String, Served>, more: usize) {
    for stream in listener.incoming().take(100) {
        let mut stream = stream.expect("a connection");
        let Some(ask) = read_head(&stream) else {
            return;
        };
        let file = small.get(&ask.path);
        if ask.path != path("AmazonEC2") {
            let _ = answer(&mut stream, file, &ask, 0);
            continue;
        }
        let body = &file.expect("there").body;
        let text = std::str::from_utf8(body).expect("text");
        let row = text
            .lines()
            .find(|line| line.contains("m5.large"))
            .expect("an instance");
        let line = row.replace("Linux", "Windows").replace("M5", "WINDOWS") + "\n";
        let lines = line.repeat(1 << 10);
        let times = more / lines.len();
        let size = body.len() + times * lines.len();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n");
        let mut sent = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body));
        for _ in 0..times {
            sent = sent.and_then(|()| stream.write_all(lines.as_bytes()));
        }
        sent.expect("the client reads all of it");
    }
}

/// The most memory that a process has had so far, MiB; none where it has ended.
#[cfg(target_os = "linux")]
fn peak_mib(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_of_500_mb_is_read_in_the_memory_of_a_small_one() {
    let world = World::new();
    let of_api = refreshed(&world);
    let small = list(&us_east_1());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let port = listener.local_addr().expect("bound").port();
    let server = std::thread::spawn(move || serve_large(&listener, &small, 500_000_000));
    let mut command = command(&[
        "prices",
        "refresh",
        "--bulk",
        "-o",
        "bulk.book",
        "--region",
        "us-east-1",
    ]);
    let mut run = command
        .current_dir(world.path(""))
        .env("HOME", world.path("home"))
        .env(
            "PLIMSOLL_PRICE_LIST_URL",
            format!("http://127.0.0.1:{port}"),
        )
        .spawn()
        .expect("the binary runs");
    let mut peak = 0;
    let status = loop {
        peak = peak_mib(run.id()).unwrap_or(0).max(peak);
        if let Some(status) = run.try_wait().expect("waited for") {
            break status;
        }
        std::thread::yield_now();
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    };
    drop(TcpStream::connect(("127.0.0.1", port)));
    server.join().expect("it served all");
    assert!(status.success());
    assert_eq!(tables(&bulk_book(&world)), tables(&of_api));
    assert!((1..100).contains(&peak), "{peak} MiB");
}
