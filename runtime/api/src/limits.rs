//! `PUT /v1/tenants/{tenant}/limits` (operator): what a run of the tenant's may use.
//!
//! Takes the fields of [`RunLimits`], each with its unit in its name; one that is left out has its default. None may be
//! above the operator's own. Answers with all of them.

use axum::Json;
use axum::extract::State;
use serde_json::Value;
use windlass_domain::limits::RunLimits;

use crate::auth::OperatorOf;
use crate::extract::JsonBody;
use crate::{ApiState, Problem};

pub(crate) async fn handle(
    State(state): State<ApiState>,
    OperatorOf { actor, tenant }: OperatorOf,
    JsonBody(limits): JsonBody<RunLimits>,
) -> Result<Json<RunLimits>, Problem> {
    let reasons = above(&limits, &state.ceiling);
    if !reasons.is_empty() {
        let detail = format!("a tenant's limits are not above the operator's: {}", reasons.join("; "));
        return Err(Problem::invalid("above_operator_limits", detail).with_reasons(reasons));
    }
    state.store.put_limits(&tenant.id, &limits).await?;
    state.audit(Some(&tenant.id), &actor, "limits.put", tenant.id.as_str()).await;
    Ok(Json(limits))
}

/// Every limit that is above the ceiling, by name.
fn above(limits: &RunLimits, ceiling: &RunLimits) -> Vec<String> {
    let fields = |limits: &RunLimits| match serde_json::to_value(limits) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let ceiling = fields(ceiling);
    let mut reasons = Vec::new();
    for (name, value) in fields(limits) {
        let most = ceiling.get(&name).and_then(Value::as_u64).unwrap_or(0);
        match value.as_u64() {
            Some(0) => reasons.push(format!("{name} 0 lets nothing run: write at least 1")),
            Some(value) if value <= most => {}
            _ => reasons.push(format!("{name} {value} is above {most}")),
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_above_the_ceiling_is_named() {
        let ceiling = RunLimits::default();
        assert_eq!(above(&ceiling, &ceiling), Vec::<String>::new());
        let limits = RunLimits { fuel: ceiling.fuel + 1, tables: ceiling.tables + 1, memory_bytes: 1, ..ceiling.clone() };
        let named: Vec<String> =
            above(&limits, &ceiling).iter().map(|reason| reason.split(' ').next().unwrap_or_default().to_owned()).collect();
        assert_eq!(named, ["fuel", "tables"]);
    }
}
