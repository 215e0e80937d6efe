//! What AWS answered about a region.

use super::found::LeftOut;
use super::quoted::{Rate, SpotPrice};

/// Everything AWS answered about one region, as it came.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// Products of `AmazonECS`, JSON.
    pub ecs: Vec<String>,
    /// Products of `CodeBuild`, JSON.
    pub codebuild: Vec<String>,
    /// Products of `AmazonEC2`, JSON: instances and volumes.
    pub ec2: Vec<String>,
    /// Products of `AmazonVPC`, JSON.
    pub vpc: Vec<String>,
    /// Savings Plan rates for Fargate and EC2.
    pub rates: Vec<Rate>,
    /// Spot prices of Fargate and EC2.
    pub spot: Vec<SpotPrice>,
    /// What could not be read.
    pub left_out: Vec<LeftOut>,
}
