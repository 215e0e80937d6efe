//! AWS Price List Query API: `GetProducts`.

use serde_json::{Value, json};

use super::answer::{Answer, Ask, Problem};

/// Products of one page. Source: `GetProducts` API reference, read 2026-11.
const PAGE: i64 = 100;
/// Filters of one call. Source: the same.
const MOST_FILTERS: usize = 50;

pub(crate) fn answer(ask: &Ask<'_>) -> Result<Answer, Problem> {
    match ask.op {
        "pricing:GetProducts" => get_products(ask).map(Answer::Json),
        other => Err(Problem::unexpected(other)),
    }
}

fn invalid(message: impl Into<String>) -> Problem {
    Problem::new(400, "InvalidParameterException", message)
}

fn get_products(ask: &Ask<'_>) -> Result<Value, Problem> {
    let service = ask
        .text("ServiceCode")
        .ok_or_else(|| invalid("ServiceCode is required"))?;
    let filters = ask
        .input
        .get("Filters")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    if filters.len() > MOST_FILTERS {
        return Err(invalid("Filters must have at most 50 members"));
    }
    if filters
        .iter()
        .any(|filter| !matches!(filter["Type"].as_str(), Some("TERM_MATCH" | "EQUALS")))
    {
        return Err(invalid("only the filters TERM_MATCH and EQUALS are played"));
    }
    let size = ask.number("MaxResults").unwrap_or(PAGE);
    if !(1..=PAGE).contains(&size) {
        return Err(invalid("MaxResults must be between 1 and 100"));
    }
    let is_wanted = |text: &&String| {
        let Ok(product) = serde_json::from_str::<Value>(text) else {
            return false;
        };
        let (about, attributes) = (&product["product"], &product["product"]["attributes"]);
        let holds = |filter: &Value| {
            let (field, wanted) = (
                filter["Field"].as_str().unwrap_or_default(),
                filter["Value"].as_str(),
            );
            let value = match field {
                "ServiceCode" => &product["serviceCode"],
                "productFamily" | "sku" => &about[field],
                field => &attributes[field],
            };
            value.is_string() && value.as_str() == wanted
        };
        product["serviceCode"] == service && filters.iter().all(holds)
    };
    let products = ask.place.world.products.iter().filter(is_wanted).cloned();
    let mut page = ask
        .page(products, usize::try_from(size).expect("checked"))?
        .named("PriceList", "NextToken");
    page["FormatVersion"] = json!("aws_v1");
    Ok(page)
}
