//! Two hundred names that were chosen to break an output, through every format.

use super::result::{GroupResult, GroupsResult, OutOfMemoryResult, Report};
use super::{Format, Style, explain, explain_markdown, render, sample};

/// Two hundred of them: every way to begin a formula, markup, a script, a control sequence, alone and inside others.
fn names() -> Vec<String> {
    let cores = [
        "=1+1",
        "+A1",
        "-A1",
        "@SUM(A1)",
        "=cmd|'/c calc'!A0",
        "\t=1",
        "\r=1",
        "\n=1",
        "=HYPERLINK(\"http://evil.example\",\"x\")",
        "a|b",
        r"a\|b",
        "|||",
        "`` ` ``",
        "```",
        "[x](javascript:alert(1))",
        "![x](http://evil.example/x)",
        "<b>x</b>",
        "<script>alert(1)</script>",
        "</script><script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onload=alert(1) x='",
        "<!--",
        "-->",
        "]]>",
        "</style>",
        "</title>",
        "</svg>",
        "</details>",
        "</main>",
        "</table>",
        "&lt;b&gt;",
        "&#60;",
        "{{7*7}}",
        "${7*7}",
        "$(id)",
        "`id`",
        "%s%n",
        "\u{1b}[2J",
        "\u{1b}]8;;https://evil.example\u{7}",
        "\u{9b}31m",
        "\u{7}",
        "\u{8}",
        "\u{0}",
        "\u{202e}exe",
        "\u{200b}",
        "\u{2028}",
        "\u{feff}",
        "\u{e0041}",
        "line\nbreak",
        "cr\rlf\r\n",
        "tab\tx",
        "../../etc/passwd",
        "C:\\x",
        "NUL",
        "",
        " ",
        "   ",
        "\u{a0}",
        "x".repeat(300).leak(),
        "漢字",
        "🙂",
        "e\u{301}",
        "@root",
        "#1",
        "https://evil.example",
        "www.evil.example",
        "1. x",
        "- x",
        "# x",
        "> x",
    ];
    let wrapped = |core: &&str| [format!("prod-{core}-x"), format!("{core}{core}")];
    let mut names: Vec<String> = cores.iter().map(|core| (*core).to_owned()).collect();
    names.extend(cores.iter().flat_map(wrapped));
    names.truncate(200);
    names
}

/// The sample with a name wherever others choose the text.
fn report(name: &str) -> Report {
    let mut report = sample::report();
    report.workloads[0].name = name.to_owned();
    report.workloads[1].name = name.to_owned();
    report.workloads[2].cluster = Some(name.to_owned());
    report.clusters[0].cluster = name.to_owned();
    report.clusters[0].instances[0].instance_type = Some(name.to_owned());
    report.clusters[0].tenants[0].name = name.to_owned();
    report.clusters[0].reasons = vec![name.to_owned()];
    report.clusters[0].could_be[0].condition = Some(name.to_owned());
    report.clusters[0].could_be[0].instances[0].instance_type = Some(name.to_owned());
    report.workloads[4].current.not_priced = Some(name.to_owned());
    if let Some(size) = &mut report.workloads[0].current.size {
        size.name = name.to_owned();
    }
    report.workloads[0].reasons = vec![name.to_owned()];
    report.workloads[0].placements[1].reasons = vec![name.to_owned()];
    report.workloads[0].evidence.sources = vec![name.to_owned()];
    report.workloads[0].current.narrowed_by = vec![name.to_owned()];
    report.workloads[0].size_steps[0].size.name = name.to_owned();
    report.workloads[0].out_of_memory = vec![OutOfMemoryResult {
        container: Some(name.to_owned()),
        kills: 1,
        limit_mib: Some(512),
        is_of_task: false,
    }];
    report.coverage.notes = vec![name.to_owned()];
    report.selection.r#where = Some(name.to_owned());
    report.workloads[0].tags = [(name.to_owned(), name.to_owned())].into();
    report.groups = Some(GroupsResult {
        by: format!("tag.{name}"),
        groups: vec![GroupResult {
            value: Some(name.to_owned()),
            workloads: 1,
            not_priced: 0,
            measured_cost: report.totals.measured_cost.clone(),
            going_rate: report.totals.going_rate.clone(),
            monthly_savings_usd: report.totals.monthly_savings_usd,
        }],
    });
    report
}

fn text(report: &Report, format: Format) -> String {
    let style = Style {
        width: Some(100),
        color: false,
    };
    String::from_utf8(render(report, format, style).unwrap()).unwrap()
}

#[test]
fn there_are_two_hundred() {
    assert_eq!(names().len(), 200);
}

#[test]
fn no_control_byte_reaches_a_terminal() {
    for name in names() {
        let report = report(&name);
        let explained = explain(&report, &report.workloads[0], Style::default());
        let formats = [
            Format::Table,
            Format::Markdown,
            Format::Html,
            Format::Json,
            Format::Csv,
            Format::Focus,
        ];
        let texts = formats.map(|format| text(&report, format));
        for shown in texts.iter().chain([&explained]) {
            assert!(
                shown.chars().all(|char| char == '\n' || !char.is_control()),
                "{name:?}"
            );
            assert!(
                !shown.contains(['\u{202e}', '\u{200b}', '\u{2028}']),
                "{name:?}"
            );
        }
    }
}

#[test]
fn markdown_tables_keep_their_columns() {
    for name in names() {
        let report = report(&name);
        let explained = explain_markdown(&report, &report.workloads[0]);
        for shown in [text(&report, Format::Markdown), explained] {
            let mut columns = 0;
            for line in shown.lines() {
                if !line.starts_with('|') {
                    columns = 0;
                    continue;
                }
                let bars = line
                    .replace("\\\\", "")
                    .replace("\\|", "")
                    .matches('|')
                    .count();
                assert!(columns == 0 || columns == bars, "{name:?}: {line}");
                columns = bars;
            }
            let markup = without_code(&shown);
            for raw in ["<script", "<img", "<b>", "](java"] {
                let literal = format!("\\{raw}");
                assert!(!markup.replace(&literal, "").contains(raw), "{name:?}");
            }
        }
    }
}

/// Markdown without its code spans, whose content is literal.
fn without_code(markdown: &str) -> String {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some(at) = rest.find('`') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let fence = rest.len() - rest.trim_start_matches('`').len();
        let (open, after) = rest.split_at(fence);
        let closes = |(at, _): &(usize, &str)| {
            let behind = &after[at + fence..];
            !behind.starts_with('`') && !after[..*at].ends_with('`')
        };
        match after.match_indices(open).find(closes) {
            Some((end, _)) => rest = &after[end + fence..],
            None => rest = after,
        }
    }
    text + rest
}

#[test]
fn csv_keeps_its_columns_and_starts_no_formula() {
    for name in names() {
        let report = report(&name);
        for format in [Format::Csv, Format::Focus] {
            let shown = text(&report, format);
            for row in csv::Reader::from_reader(shown.as_bytes()).records() {
                let row = row.unwrap_or_else(|error| panic!("{name:?}: {error}"));
                for cell in &row {
                    assert!(!cell.starts_with(['=', '+', '@', '\t', '\r']), "{cell}");
                    assert!(
                        !cell.starts_with('-') || cell.parse::<f64>().is_ok(),
                        "{cell}"
                    );
                }
            }
        }
    }
}

/// The tags of a page, each without what is inside its quoted attributes.
fn tags(page: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut tag: Option<String> = None;
    let mut quoted = false;
    for char in page.chars() {
        let Some(open) = &mut tag else {
            if char == '<' {
                tag = Some(String::new());
            }
            continue;
        };
        match char {
            '"' => quoted = !quoted,
            '>' if !quoted => tags.extend(tag.take()),
            _ if !quoted => open.push(char),
            _ => {}
        }
    }
    tags
}

#[test]
fn a_page_has_the_same_elements_whatever_the_names() {
    let shape = |name: &str| {
        let page = text(&report(name), Format::Html);
        let (_, main) = page.split_once("<main>").unwrap();
        let (main, script) = main.split_once("</main>").unwrap();
        assert!(!script.contains("evil"), "no name is in the script");
        // Bars and lines are as long as amounts, not as names; an empty name has no words.
        let kinds = tags(main).into_iter();
        kinds
            .map(|tag| tag.split_whitespace().next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let usual = shape("web");
    for name in names().iter().filter(|name| !name.is_empty()) {
        assert_eq!(shape(name), usual, "{name:?}");
    }
}

#[test]
fn json_parsers_read_the_same_names() {
    for name in names() {
        let read: serde_json::Value =
            serde_json::from_str(&text(&report(&name), Format::Json)).unwrap();
        let web = &read["workloads"][0];
        assert_eq!(web["name"], name.as_str());
        assert_eq!(web["tags"][name.as_str()], name.as_str());
    }
}

#[test]
fn flat_tables_hold_tags_that_json_parsers_read() {
    for name in names() {
        let report = report(&name);
        for (format, column) in [(Format::Csv, "Tags"), (Format::Focus, "x_Tags")] {
            let shown = text(&report, format);
            let mut rows = csv::Reader::from_reader(shown.as_bytes());
            let at = rows
                .headers()
                .unwrap()
                .iter()
                .position(|head| head == column);
            let row = rows.records().next().unwrap().unwrap();
            let tags: serde_json::Value = serde_json::from_str(&row[at.unwrap()]).unwrap();
            assert_eq!(tags[name.as_str()], name.as_str());
        }
    }
}

#[test]
fn workbooks_and_parquet_take_every_name() {
    for name in names() {
        for format in [Format::Xlsx, Format::Parquet] {
            assert!(
                render(&report(&name), format, Style::default()).is_ok(),
                "{name:?}"
            );
        }
    }
}
