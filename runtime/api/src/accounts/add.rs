//! `POST /v1/tenants/{tenant}/accounts`: adds a distribution account.
//!
//! Takes `secret_seed` (`S...`, kept sealed, never shown) and `account` (`G...`, may be left out; if given, it must be the
//! seed's). One Stellar account belongs to one tenant (money rule 9): 409 `account_taken`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use windlass_domain::ports::secrets::SecretBytes;
use windlass_domain::ports::store::StoreError;
use windlass_domain::tenant::{AccountRole, StellarAccount};

use super::AccountView;
use crate::auth::Member;
use crate::extract::JsonBody;
use crate::{ApiState, Problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    #[serde(default)]
    account: Option<String>,
    secret_seed: String,
}

pub(crate) async fn handle(
    State(state): State<ApiState>,
    Member { actor, tenant }: Member,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<(StatusCode, Json<AccountView>), Problem> {
    let seed = SecretBytes::new(asked.secret_seed.into_bytes());
    let text = std::str::from_utf8(seed.expose()).unwrap_or_default();
    let account =
        state.keys.account_of_seed(text).map_err(|reason| Problem::invalid("invalid_secret_seed", format!("secret_seed: {reason}")))?;
    if let Some(named) = asked.account.filter(|named| named != account.as_str()) {
        return Err(Problem::invalid(
            "wrong_account",
            format!("the secret seed is that of {account}, not of {named}: give the seed of the account you mean"),
        ));
    }
    let sealed = state.sealer.seal(&tenant.id, &format!("stellar-key:{account}"), seed.expose());
    let added = StellarAccount { tenant: tenant.id.clone(), network: tenant.network, account, role: AccountRole::Distribution };
    state.store.add_account(&added, &sealed).await.map_err(|error| match error {
        StoreError::Conflict { .. } => Problem::conflict(
            "account_taken",
            format!("{} is there already, with this tenant or with another: one account belongs to one tenant", added.account),
        ),
        other => other.into(),
    })?;
    state.audit(Some(&tenant.id), &actor, "account.add", added.account.as_str()).await;
    (state.wake)();
    Ok((StatusCode::CREATED, Json(added.into())))
}
