//! CodeBuild: products of `CodeBuild` in AWS's spelling of environment and compute types.

use super::found::{Item, Priced, Service};
use super::product::Product;
use crate::model::workload::Os;
use crate::pricing::CodebuildType;

/// The prices that a product states: of builds, and of the instances of reserved fleets. None for fleets of the user's own
/// instance types, Docker servers, sandboxes, and for types that the book does not describe.
pub(super) fn prices(product: &Product, types: &[CodebuildType]) -> Result<Vec<Priced>, String> {
    let (usage, unit, units): (_, _, &[&str]) = match product.attribute("computeFamily") {
        "OnDemand-EC2" => ("Build-Min:", "minute", &["minutes", "minute"]),
        "OnDemand-Lambda" => ("Build-Sec:", "second", &["Second", "seconds"]),
        "Reserved-EC2" | "Reserved-EC2-Attributes" => {
            return Ok(reserved(product).into_iter().collect());
        }
        _ => return Ok(Vec::new()),
    };
    let compute_type = product.attribute("computeType");
    let Some(spelling) = Spelling::of(compute_type, product.attribute("operatingSystem")) else {
        return Ok(Vec::new());
    };
    if !product.usage().starts_with(usage) {
        return Err(format!(
            "compute type `{compute_type}` contradicts the usage type `{}`",
            product.attribute("usagetype")
        ));
    }
    let known = types.iter().filter(|kind| spelling.is(kind));
    let priced = |kind: &CodebuildType| Priced {
        item: item(&kind.environment_type, &kind.compute_type),
        units,
        unit: Some(unit),
    };
    Ok(known.map(priced).collect())
}

/// The price of an instance of a reserved fleet; none for what is not spelt like one.
fn reserved(product: &Product) -> Option<Priced> {
    let environment_type = match product.attribute("operatingSystem") {
        "Linux" => "RESERVED_LINUX",
        "Windows" => "RESERVED_WINDOWS",
        "macOS" => "RESERVED_MACOS",
        _ => return None,
    };
    let compute_type = product.attribute("computeType");
    compute_type.starts_with("reserved.").then(|| Priced {
        item: Item::new(
            Service::Codebuild,
            &["reserved_capacity", environment_type, compute_type],
        ),
        units: &["minutes", "minute"],
        unit: Some("minute"),
    })
}

/// What the price list calls an environment and a compute type.
struct Spelling {
    environment: Environment,
    compute_type: String,
}

enum Environment {
    Named(&'static str),
    /// The list has one price for all versions of Windows Server.
    Windows,
}

impl Spelling {
    /// Of `general1.small`, `arm1.2xlarge`, `gpu1.large`, `lambda.arm.4GB` on `Linux` or `Windows`.
    fn of(compute_type: &str, operating_system: &str) -> Option<Self> {
        let (family, size) = compute_type.split_once('.')?;
        if family == "lambda" {
            let (architecture, memory) = size.split_once('.')?;
            let environment = match architecture {
                "arm" => "ARM_LAMBDA_CONTAINER",
                "x86-64" => "LINUX_LAMBDA_CONTAINER",
                _ => return None,
            };
            let compute_type = format!("BUILD_LAMBDA_{}", memory.to_ascii_uppercase());
            return Some(Self {
                environment: Environment::Named(environment),
                compute_type,
            });
        }
        let environment = match (family, operating_system) {
            ("general1", "Linux") => Environment::Named("LINUX_CONTAINER"),
            ("general1", "Windows") => Environment::Windows,
            ("arm1", "Linux") => Environment::Named("ARM_CONTAINER"),
            ("gpu1", "Linux") => Environment::Named("LINUX_GPU_CONTAINER"),
            _ => return None,
        };
        Some(Self {
            environment,
            compute_type: format!("BUILD_GENERAL1_{}", size.to_ascii_uppercase()),
        })
    }

    fn is(&self, kind: &CodebuildType) -> bool {
        let environment = match self.environment {
            Environment::Named(name) => kind.environment_type == name,
            Environment::Windows => kind.os == Os::Windows,
        };
        environment && kind.compute_type == self.compute_type
    }
}

/// The on-demand price of an environment and compute type.
pub(super) fn item(environment_type: &str, compute_type: &str) -> Item {
    Item::new(
        Service::Codebuild,
        &["on_demand", environment_type, compute_type],
    )
}
