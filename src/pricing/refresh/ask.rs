//! Asking AWS for prices: the calls of a refresh, page by page.

use std::collections::{BTreeMap, BTreeSet};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_pricing::types::{Filter, FilterType};
use aws_sdk_savingsplans::operation::describe_savings_plans_offering_rates::builders::DescribeSavingsPlansOfferingRatesFluentBuilder as AskRates;
use aws_sdk_savingsplans::types as plans;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures::{StreamExt, TryStreamExt};

use super::answers::Answers;
use super::ec2;
use super::quoted::Rate;
use super::regions::{endpoint, is_region};
use crate::aws::{self, Clients, LoginRequest, Patience};
use crate::model::error::{Error, ErrorKind, Result};

/// More pages than any service of a region has; more of them are an endless answer.
const MAX_PAGES: usize = 500;
const REGIONS_AT_ONCE: usize = 4;
/// Codes of errors that a login or another profile heals.
const AUTHENTICATION: [&str; 11] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// What `read` makes of AWS's answers about each of `regions`, in their order. Answers are large: each is read as it comes
/// and then dropped.
///
/// # Errors
/// [`ErrorKind::Authentication`] where credentials are missing, expired or refused; [`ErrorKind::Input`] for an answer that cannot be
/// read or never ends; [`ErrorKind::Failure`] where AWS cannot be reached or goes on throttling; and what `read` refuses.
pub async fn each<T>(
    regions: &[String],
    profile: Option<&str>,
    with_savings_plans: bool,
    read: impl Fn(&str, &Answers) -> Result<T>,
) -> Result<Vec<T>> {
    let mut clients = BTreeMap::new();
    for region in regions {
        let endpoint = endpoint(region);
        if !clients.contains_key(endpoint) {
            clients.insert(endpoint, clients_at(endpoint, profile).await?);
        }
    }
    let read = &read;
    let asked = regions
        .iter()
        .filter_map(|region| Some((region, clients.get(endpoint(region))?)));
    futures::stream::iter(asked)
        .map(|(region, clients)| async move {
            read(region, &answers(region, clients, with_savings_plans).await?)
        })
        .buffered(REGIONS_AT_ONCE)
        .try_collect()
        .await
}

/// Clients at the endpoint of `region`.
pub(crate) async fn clients_at(region: &str, profile: Option<&str>) -> Result<Clients> {
    Ok(login(profile).await?.repeating().clients(region))
}

/// The region of the environment or the profile, as the AWS CLI finds it.
pub(crate) async fn configured_region(profile: Option<&str>) -> Result<Option<String>> {
    Ok(login(profile).await?.region())
}

async fn login(profile: Option<&str>) -> Result<aws::Login> {
    aws::log_in(
        &LoginRequest {
            profile: profile.map(str::to_owned),
            ..LoginRequest::default()
        },
        Patience::AWS,
    )
    .await
}

async fn answers(region: &str, clients: &Clients, with_savings_plans: bool) -> Result<Answers> {
    let pricing = &clients.pricing;
    let mut ec2 = products(pricing, "AmazonEC2", region, ec2::INSTANCES).await?;
    ec2.extend(products(pricing, "AmazonEC2", region, ec2::VOLUMES).await?);
    Ok(Answers {
        ecs: products(pricing, "AmazonECS", region, &[]).await?,
        codebuild: products(pricing, "CodeBuild", region, &[]).await?,
        ec2,
        vpc: products(pricing, "AmazonVPC", region, &[]).await?,
        rates: if with_savings_plans {
            rates(&clients.savingsplans, region).await?
        } else {
            Vec::new()
        },
        ..Answers::default()
    })
}

/// The products of `service` in `region` with all of `attributes`, as JSON texts.
async fn products(
    client: &aws_sdk_pricing::Client,
    service: &str,
    region: &str,
    attributes: &[(&str, &str)],
) -> Result<Vec<String>> {
    let what = format!("the prices of {service} in {region}");
    let of_region = ("regionCode", region);
    let filters = std::iter::once(&of_region)
        .chain(attributes)
        .map(|(field, value)| {
            Filter::builder()
                .r#type(FilterType::TermMatch)
                .field(*field)
                .value(*value)
                .build()
        });
    let filters: Vec<Filter> = filters
        .collect::<Result<_, _>>()
        .map_err(|cause| unbuildable(&what, cause))?;
    let request = client
        .get_products()
        .service_code(service)
        .set_filters(Some(filters))
        .format_version("aws_v1")
        .max_results(100);
    let mut pages = Pages::new(what);
    let mut products = Vec::new();
    loop {
        let page = request
            .clone()
            .set_next_token(pages.token.clone())
            .send()
            .await
            .map_err(|error| failed(&pages.what, error))?;
        products.extend(page.price_list.unwrap_or_default());
        if !pages.turn(page.next_token)? {
            return Ok(products);
        }
    }
}

/// Every region that the price list has Fargate prices for, without Local Zones.
pub async fn regions(client: &aws_sdk_pricing::Client) -> Result<Vec<String>> {
    let request = client
        .get_attribute_values()
        .service_code("AmazonECS")
        .attribute_name("regionCode")
        .max_results(100);
    let mut pages = Pages::new("the regions of the price list".to_owned());
    let mut regions = BTreeSet::new();
    loop {
        let page = request
            .clone()
            .set_next_token(pages.token.clone())
            .send()
            .await
            .map_err(|error| failed(&pages.what, error))?;
        let values = page
            .attribute_values
            .unwrap_or_default()
            .into_iter()
            .filter_map(|value| value.value);
        regions.extend(values.filter(|value| is_region(value)));
        if !pages.turn(page.next_token)? {
            return Ok(regions.into_iter().collect());
        }
    }
}

/// The Savings Plan rates for Fargate and for Linux instances in `region`.
async fn rates(client: &aws_sdk_savingsplans::Client, region: &str) -> Result<Vec<Rate>> {
    let of_fargate = client
        .describe_savings_plans_offering_rates()
        .savings_plan_types(plans::SavingsPlanType::Compute)
        .savings_plan_payment_options(plans::SavingsPlanPaymentOption::NoUpfront)
        .savings_plan_payment_options(plans::SavingsPlanPaymentOption::AllUpfront)
        .products(plans::SavingsPlanProductType::Fargate)
        .service_codes(plans::SavingsPlanRateServiceCode::Fargate)
        .filters(only(plans::SavingsPlanRateFilterAttribute::Region, region));
    let of_instances = client
        .describe_savings_plans_offering_rates()
        .savings_plan_types(plans::SavingsPlanType::Compute)
        .savings_plan_types(plans::SavingsPlanType::Ec2Instance)
        .savings_plan_payment_options(plans::SavingsPlanPaymentOption::NoUpfront)
        .products(plans::SavingsPlanProductType::Ec2)
        .service_codes(plans::SavingsPlanRateServiceCode::Ec2)
        .operations("RunInstances")
        .filters(only(plans::SavingsPlanRateFilterAttribute::Region, region))
        .filters(only(
            plans::SavingsPlanRateFilterAttribute::ProductDescription,
            "Linux/UNIX",
        ))
        .filters(only(
            plans::SavingsPlanRateFilterAttribute::Tenancy,
            "shared",
        ));
    let mut rates = Vec::new();
    for request in [of_fargate, of_instances] {
        rates.extend(rates_of(request, region).await?);
    }
    Ok(rates)
}

fn only(
    attribute: plans::SavingsPlanRateFilterAttribute,
    value: &str,
) -> plans::SavingsPlanOfferingRateFilterElement {
    plans::SavingsPlanOfferingRateFilterElement::builder()
        .name(attribute)
        .values(value)
        .build()
}

async fn rates_of(request: AskRates, region: &str) -> Result<Vec<Rate>> {
    let request = request.max_results(1000);
    let mut pages = Pages::new(format!("the Savings Plan rates of {region}"));
    let mut rates = Vec::new();
    loop {
        let page = request
            .clone()
            .set_next_token(pages.token.clone())
            .send()
            .await
            .map_err(|error| failed(&pages.what, error))?;
        rates.extend(
            page.search_results
                .unwrap_or_default()
                .into_iter()
                .filter(|rate| is_of(rate, region))
                .map(rate),
        );
        if !pages.turn(page.next_token)? {
            return Ok(rates);
        }
    }
}

/// Whether a rate is for `region`, as far as it says.
fn is_of(rate: &plans::SavingsPlanOfferingRate, region: &str) -> bool {
    let is_region = |key: &&plans::SavingsPlanOfferingRateProperty| {
        key.name.as_deref() == Some(plans::SavingsPlanRatePropertyKey::Region.as_str())
    };
    rate.properties()
        .iter()
        .filter(is_region)
        .all(|property| property.value.as_deref() == Some(region))
}

fn rate(rate: plans::SavingsPlanOfferingRate) -> Rate {
    let offering = rate.savings_plan_offering;
    let of = |text: fn(&plans::ParentSavingsPlanOffering) -> Option<&str>| {
        offering
            .as_ref()
            .and_then(text)
            .unwrap_or_default()
            .to_owned()
    };
    Rate {
        plan_type: of(|offering| {
            offering
                .plan_type
                .as_ref()
                .map(plans::SavingsPlanType::as_str)
        }),
        usage_type: rate.usage_type.unwrap_or_default(),
        operation: rate.operation.unwrap_or_default(),
        rate: rate.rate.unwrap_or_default(),
        unit: rate
            .unit
            .map(|unit| unit.as_str().to_owned())
            .unwrap_or_default(),
        currency: of(|offering| offering.currency.as_ref().map(plans::CurrencyCode::as_str)),
        payment_option: of(|offering| {
            offering
                .payment_option
                .as_ref()
                .map(plans::SavingsPlanPaymentOption::as_str)
        }),
        duration_s: offering
            .map(|offering| offering.duration_seconds)
            .unwrap_or_default(),
    }
}

/// A walk over pages that cannot go in circles.
struct Pages {
    what: String,
    /// Token of the page to ask for; none for the first.
    token: Option<String>,
    seen: BTreeSet<String>,
}

impl Pages {
    fn new(what: String) -> Self {
        Self {
            what,
            token: None,
            seen: BTreeSet::new(),
        }
    }

    /// Goes to the page of `token`; false after the last page.
    fn turn(&mut self, token: Option<String>) -> Result<bool> {
        self.token = token.filter(|token| !token.is_empty());
        let Some(token) = &self.token else {
            return Ok(false);
        };
        if !self.seen.insert(token.clone()) {
            return Err(Error::new(
                ErrorKind::Input,
                format!("AWS repeats a page of {}", self.what),
            )
            .hint("try again later"));
        }
        if self.seen.len() >= MAX_PAGES {
            return Err(Error::new(
                ErrorKind::Input,
                format!("AWS has more than {MAX_PAGES} pages of {}", self.what),
            ));
        }
        Ok(true)
    }
}

fn unbuildable(what: &str, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Failure, format!("cannot ask for {what}")).cause(cause)
}

/// What became of a call that failed, with its cause in words that hold no credentials.
fn failed<E>(what: &str, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let message = format!("cannot get {what}");
    if let Some(credentials) = credentials_error(&error) {
        // The sources of this error can quote what a credential process printed.
        return Error::new(ErrorKind::Authentication, message)
            .cause(credentials)
            .hint(
                "log in (`aws sso login`), choose a profile with --profile, set AWS_ACCESS_KEY_ID, or read the public list \
                 with --bulk",
            );
    }
    if let Some(code) = error.code().map(str::to_owned) {
        let cause = format!(
            "{code}: {}",
            error.message().unwrap_or("AWS gives no reason")
        );
        return if AUTHENTICATION.contains(&code.as_str()) {
            let hint = "the credentials need pricing:GetProducts, pricing:GetAttributeValues and, for --savings-plans, \
                        savingsplans:DescribeSavingsPlansOfferingRates";
            Error::new(ErrorKind::Authentication, message)
                .cause(cause)
                .hint(hint)
        } else {
            Error::new(ErrorKind::Failure, message)
                .cause(cause)
                .hint("try again later")
        };
    }
    let is_answer = error
        .raw_response()
        .is_some_and(|response| response.status().is_success());
    if is_answer {
        return Error::new(
            ErrorKind::Input,
            format!("AWS's answer about {what} cannot be read"),
        )
        .cause(error);
    }
    Error::new(ErrorKind::Failure, message)
        .cause(error)
        .hint("is the network there, and AWS_ENDPOINT_URL right?")
}

fn credentials_error(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.take(16).find_map(|error| {
        error
            .downcast_ref::<CredentialsError>()
            .map(ToString::to_string)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_no_regions() {
        for region in [
            "us-east-1",
            "us-gov-west-1",
            "ap-southeast-5",
            "eusc-de-east-1",
        ] {
            assert!(is_region(region), "{region}");
        }
        for other in [
            "us-west-2-lax-1",
            "us-east-1-wl1-bos1",
            "global",
            "",
            "us-1",
            "-1",
            "us--1",
            "us-east-",
        ] {
            assert!(!is_region(other), "{other}");
        }
    }

    #[test]
    fn pages_end_and_never_repeat() {
        let mut pages = Pages::new("prices".to_owned());
        assert!(pages.turn(Some("a".to_owned())).expect("the second page"));
        assert_eq!(pages.token.as_deref(), Some("a"));
        assert!(!pages.turn(Some(String::new())).expect("the end"));
        assert!(!pages.turn(None).expect("the end"));
        let error = pages.turn(Some("a".to_owned())).expect_err("seen before");
        assert_eq!(
            (error.kind(), error.to_string()),
            (ErrorKind::Input, "AWS repeats a page of prices".to_owned())
        );
    }

    #[test]
    fn endless_pages_are_an_error() {
        let mut pages = Pages::new("prices".to_owned());
        let error = (0..=MAX_PAGES).find_map(|page| pages.turn(Some(page.to_string())).err());
        assert_eq!(
            error.map(|error| error.to_string()),
            Some("AWS has more than 500 pages of prices".to_owned())
        );
    }
}
