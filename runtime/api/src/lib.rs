//! HTTP: the operator's and the tenants' API.
