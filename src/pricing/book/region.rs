//! The prices of each region, read from the tables when the region is first asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::ec2::Shapes;
use super::{codebuild, ec2, fargate, other};
use crate::pricing::table::{self, Table};
use crate::pricing::tables::Tables;
use crate::pricing::{CodebuildType, NotPriced, PriceRow};

/// The prices of a region.
#[derive(Debug, Clone, Default)]
pub(super) struct Region {
    pub(super) fargate: fargate::Prices,
    pub(super) codebuild: codebuild::Prices,
    pub(super) instance_types: ec2::Prices,
    pub(super) instances_otherwise: ec2::Otherwise,
    pub(super) other: other::Amounts,
    pub(super) rows: Vec<PriceRow>,
}

/// Every region that a table has a row of.
#[derive(Debug, Clone)]
pub(super) struct Regions {
    /// What regions are read from; `None` where all of them have been.
    text: Option<Text<'static>>,
    codebuild_types: Vec<CodebuildType>,
    regions: BTreeMap<String, OnceLock<Result<Region, NotPriced>>>,
}

impl Regions {
    /// Those of the tables, none of them read yet.
    pub(super) fn unread(tables: &Tables<'static>) -> table::Result<Self> {
        let text = Text::of(tables)?;
        let regions = text.regions();
        Ok(Self {
            codebuild_types: codebuild::types(tables.codebuild_types)?,
            regions: regions
                .map(|region| (region.to_owned(), OnceLock::new()))
                .collect(),
            text: Some(text),
        })
    }

    /// Those of the tables, all of them read.
    pub(super) fn read(tables: &Tables<'_>) -> table::Result<Self> {
        let codebuild_types = codebuild::types(tables.codebuild_types)?;
        let text = Text::of(tables)?;
        text.shapes()?;
        let regions = text.regions().map(|region| {
            let read = text.read(region, &codebuild_types)?;
            Ok((region.to_owned(), OnceLock::from(Ok(read))))
        });
        Ok(Self {
            regions: regions.collect::<table::Result<_>>()?,
            codebuild_types,
            text: None,
        })
    }

    /// Their names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.regions.keys().map(String::as_str)
    }

    /// The prices of `region`; `None` where no table has a row of it.
    pub(super) fn get(&self, region: &str) -> Result<Option<&Region>, NotPriced> {
        let Some(slot) = self.regions.get(region) else {
            return Ok(None);
        };
        let read = slot.get_or_init(|| match &self.text {
            None => Ok(Region::default()),
            Some(text) => text
                .read(region, &self.codebuild_types)
                .map_err(|refusal| NotPriced::new(refusal.to_string())),
        });
        read.as_ref().map(Some).map_err(Clone::clone)
    }

    /// The types that the prices of CodeBuild are held against.
    pub(super) fn codebuild_types(&self) -> &[CodebuildType] {
        &self.codebuild_types
    }
}

/// The tables as cut into regions.
#[derive(Debug, Clone)]
struct Text<'t> {
    fargate: Table<'t>,
    codebuild: Table<'t>,
    ec2: Table<'t>,
    other: Table<'t>,
    instance_types: Table<'t>,
    shapes: OnceLock<table::Result<Shapes>>,
}

impl<'t> Text<'t> {
    fn of(tables: &Tables<'t>) -> table::Result<Self> {
        Ok(Self {
            fargate: Table::of("fargate", tables.fargate)?,
            codebuild: Table::of("codebuild", tables.codebuild)?,
            ec2: Table::of("ec2", tables.ec2)?,
            other: Table::of("other", tables.other)?,
            instance_types: Table::of("instance_types", tables.instance_types)?,
            shapes: OnceLock::new(),
        })
    }

    /// Every region that a table has a row of, in order.
    fn regions(&self) -> impl Iterator<Item = &'t str> {
        let tables = [&self.fargate, &self.codebuild, &self.ec2, &self.other];
        let regions: BTreeSet<&str> = tables.into_iter().flat_map(Table::regions).collect();
        regions.into_iter()
    }

    fn shapes(&self) -> table::Result<&Shapes> {
        self.shapes
            .get_or_init(|| ec2::shapes(&self.instance_types))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn read(&self, region: &str, types: &[CodebuildType]) -> table::Result<Region> {
        let mut rows = Vec::new();
        let fargate = fargate::read(region, &self.fargate.lines_of(region)?, &mut rows)?;
        let codebuild = codebuild::read(&self.codebuild.lines_of(region)?, types, &mut rows)?;
        let (instance_types, instances_otherwise) =
            ec2::read(&self.ec2.lines_of(region)?, self.shapes()?, &mut rows)?;
        Ok(Region {
            fargate,
            codebuild,
            instance_types,
            instances_otherwise,
            other: other::read(&self.other.lines_of(region)?, &mut rows)?,
            rows,
        })
    }
}
