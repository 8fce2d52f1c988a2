-- Windlass: the first schema. The PostgreSQL file says the same; a test compares them.
-- The tenant leads every key (money rule 9). Times are milliseconds since the epoch, amounts units of 10^-7
-- (money rule 6). Every constraint has a name, and the name is what an error tells (money rule 5).

CREATE TABLE tenants (
    id TEXT NOT NULL,
    home_domain TEXT NOT NULL,
    network TEXT NOT NULL,
    active_version BIGINT,
    tolerance_ppm BIGINT NOT NULL,
    limits TEXT,
    sealed_idempotency_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT tenants_pkey PRIMARY KEY (id),
    CONSTRAINT tenants_tolerance CHECK (tolerance_ppm BETWEEN 0 AND 4294967295)
);

-- A token's SHA-256; no tenant means the operator.
CREATE TABLE tokens (
    hash TEXT NOT NULL,
    name TEXT NOT NULL,
    tenant TEXT,
    created_at BIGINT NOT NULL,
    CONSTRAINT tokens_pkey PRIMARY KEY (hash),
    CONSTRAINT tokens_tenant FOREIGN KEY (tenant) REFERENCES tenants (id)
);

CREATE TABLE assets (
    tenant TEXT NOT NULL,
    asset TEXT NOT NULL,
    rules TEXT NOT NULL,
    CONSTRAINT assets_pkey PRIMARY KEY (tenant, asset),
    CONSTRAINT assets_tenant FOREIGN KEY (tenant) REFERENCES tenants (id)
);

-- One Stellar account belongs to one tenant (money rule 9).
CREATE TABLE accounts (
    tenant TEXT NOT NULL,
    network TEXT NOT NULL,
    account TEXT NOT NULL,
    role TEXT NOT NULL,
    sealed_key TEXT NOT NULL,
    CONSTRAINT accounts_pkey PRIMARY KEY (tenant, network, account),
    CONSTRAINT accounts_one_tenant UNIQUE (network, account),
    CONSTRAINT accounts_tenant FOREIGN KEY (tenant) REFERENCES tenants (id),
    CONSTRAINT accounts_role CHECK (role IN ('distribution'))
);

CREATE TABLE secrets (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    sealed TEXT NOT NULL,
    written_at BIGINT NOT NULL,
    CONSTRAINT secrets_pkey PRIMARY KEY (tenant, name),
    CONSTRAINT secrets_tenant FOREIGN KEY (tenant) REFERENCES tenants (id)
);

CREATE TABLE settings (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    CONSTRAINT settings_pkey PRIMARY KEY (tenant, name),
    CONSTRAINT settings_tenant FOREIGN KEY (tenant) REFERENCES tenants (id)
);

-- The integration's key-value store; contents in base64.
CREATE TABLE state (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    CONSTRAINT state_pkey PRIMARY KEY (tenant, name),
    CONSTRAINT state_tenant FOREIGN KEY (tenant) REFERENCES tenants (id)
);

CREATE TABLE components (
    tenant TEXT NOT NULL,
    digest TEXT NOT NULL,
    content BLOB NOT NULL,
    CONSTRAINT components_pkey PRIMARY KEY (tenant, digest),
    CONSTRAINT components_tenant FOREIGN KEY (tenant) REFERENCES tenants (id)
);

CREATE TABLE versions (
    tenant TEXT NOT NULL,
    number BIGINT NOT NULL,
    digest TEXT NOT NULL,
    hooks TEXT NOT NULL,
    manifest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT versions_pkey PRIMARY KEY (tenant, number),
    CONSTRAINT versions_component FOREIGN KEY (tenant, digest) REFERENCES components (tenant, digest),
    CONSTRAINT versions_number CHECK (number > 0)
);

CREATE TABLE transactions (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    asset TEXT NOT NULL,
    reference TEXT NOT NULL,
    memo TEXT,
    account TEXT,
    anchor_account TEXT NOT NULL,
    amount_expected BIGINT,
    amount_in BIGINT,
    fee BIGINT,
    amount_out BIGINT,
    refunded BIGINT NOT NULL,
    payouts_returned BIGINT NOT NULL,
    external_id TEXT,
    stellar_transaction_id TEXT,
    message TEXT,
    fields TEXT NOT NULL,
    status_eta BIGINT,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    received_at BIGINT,
    completed_at BIGINT,
    CONSTRAINT transactions_pkey PRIMARY KEY (tenant, id),
    CONSTRAINT transactions_reference UNIQUE (tenant, reference),
    CONSTRAINT transactions_tenant FOREIGN KEY (tenant) REFERENCES tenants (id),
    CONSTRAINT transactions_state CHECK (
        (kind = 'deposit' AND state IN (
            'awaiting_funds', 'seen_pending', 'ready', 'creation_signed', 'creation_submitted', 'signed', 'submitted',
            'pending_trust', 'ledger_refused',
            'completed', 'too_small', 'too_large', 'on_hold', 'failed', 'expired'))
        OR (kind = 'withdrawal' AND state IN (
            'awaiting_payment', 'received', 'payout_in_progress', 'ready_for_pickup', 'payout_returned', 'payout_held',
            'completed', 'refused', 'too_small', 'too_large', 'on_hold', 'expired'))),
    CONSTRAINT transactions_amounts_not_negative CHECK (
        COALESCE(amount_expected, 0) >= 0 AND COALESCE(amount_in, 0) >= 0 AND COALESCE(fee, 0) >= 0
        AND COALESCE(amount_out, 0) >= 0 AND refunded >= 0),
    CONSTRAINT transactions_payouts_returned CHECK (payouts_returned >= 0 AND (payouts_returned = 0 OR kind = 'withdrawal')),
    CONSTRAINT transactions_money CHECK (
        amount_in IS NULL OR fee IS NULL OR amount_out IS NULL OR amount_out = amount_in - fee - refunded),
    CONSTRAINT transactions_deposit_ready_has_money CHECK (
        kind <> 'deposit' OR state NOT IN (
            'ready', 'creation_signed', 'creation_submitted', 'signed', 'submitted', 'pending_trust', 'ledger_refused', 'completed')
        OR (amount_in IS NOT NULL AND fee IS NOT NULL AND amount_out IS NOT NULL)),
    CONSTRAINT transactions_deposit_completed CHECK (
        kind <> 'deposit' OR state <> 'completed' OR (stellar_transaction_id IS NOT NULL AND completed_at IS NOT NULL)),
    CONSTRAINT transactions_withdrawal_received_has_money CHECK (
        kind <> 'withdrawal' OR state NOT IN (
            'received', 'payout_in_progress', 'ready_for_pickup', 'payout_returned', 'payout_held', 'completed', 'refused')
        OR (amount_in IS NOT NULL AND fee IS NOT NULL AND amount_out IS NOT NULL)),
    CONSTRAINT transactions_withdrawal_completed CHECK (
        kind <> 'withdrawal' OR state <> 'completed' OR (external_id IS NOT NULL AND completed_at IS NOT NULL)),
    CONSTRAINT transactions_withdrawal_has_memo CHECK (kind <> 'withdrawal' OR memo IS NOT NULL)
);
CREATE UNIQUE INDEX transactions_withdrawal_memo ON transactions (tenant, anchor_account, memo) WHERE kind = 'withdrawal';
CREATE INDEX transactions_by_state ON transactions (tenant, kind, state, created_at, id);
CREATE INDEX transactions_by_time ON transactions (tenant, created_at, id);
CREATE INDEX transactions_by_external_id ON transactions (tenant, external_id);

-- Append-only (money rule 4).
CREATE TABLE history (
    tenant TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    from_state TEXT,
    to_state TEXT NOT NULL,
    event TEXT NOT NULL,
    actor TEXT NOT NULL,
    detail TEXT,
    noted_at BIGINT NOT NULL,
    CONSTRAINT history_pkey PRIMARY KEY (tenant, transaction_id, version),
    CONSTRAINT history_transaction FOREIGN KEY (tenant, transaction_id) REFERENCES transactions (tenant, id)
);

-- Signed Stellar transactions, stored before they are sent (money rule 1).
CREATE TABLE envelopes (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    network TEXT NOT NULL,
    source TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    hash TEXT NOT NULL,
    xdr TEXT NOT NULL,
    max_time_s BIGINT NOT NULL,
    ledger_noted BIGINT NOT NULL,
    state TEXT NOT NULL,
    bound_passed_at BIGINT,
    sent BIGINT NOT NULL,
    ledger BIGINT,
    result TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT envelopes_pkey PRIMARY KEY (tenant, id),
    CONSTRAINT envelopes_hash UNIQUE (tenant, network, hash),
    CONSTRAINT envelopes_account FOREIGN KEY (tenant, network, source) REFERENCES accounts (tenant, network, account),
    CONSTRAINT envelopes_state CHECK (state IN ('signed', 'submitted', 'succeeded', 'failed', 'dead')),
    CONSTRAINT envelopes_verdict_has_ledger CHECK (state NOT IN ('succeeded', 'failed') OR ledger IS NOT NULL),
    CONSTRAINT envelopes_dead_after_bound CHECK (state <> 'dead' OR bound_passed_at IS NOT NULL),
    CONSTRAINT envelopes_counts CHECK (sent >= 0 AND sequence > 0 AND ledger_noted >= 0)
);
CREATE UNIQUE INDEX envelopes_one_live ON envelopes (tenant, network, source) WHERE state IN ('signed', 'submitted');

-- Who owns a sequence number. An account has one tenant, so this is unique by (network, account, sequence).
CREATE TABLE sequences (
    tenant TEXT NOT NULL,
    network TEXT NOT NULL,
    account TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    envelope_id TEXT NOT NULL,
    CONSTRAINT sequences_one_owner PRIMARY KEY (tenant, network, account, sequence),
    CONSTRAINT sequences_account FOREIGN KEY (tenant, network, account) REFERENCES accounts (tenant, network, account),
    CONSTRAINT sequences_envelope FOREIGN KEY (tenant, envelope_id) REFERENCES envelopes (tenant, id)
);

-- A ledger payment of a transaction. Its envelope is the live one, or the one that settled it.
CREATE TABLE payments (
    tenant TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    envelope_id TEXT,
    settled BIGINT NOT NULL,
    CONSTRAINT payments_one_live PRIMARY KEY (tenant, transaction_id, purpose, ordinal),
    CONSTRAINT payments_transaction FOREIGN KEY (tenant, transaction_id) REFERENCES transactions (tenant, id),
    CONSTRAINT payments_envelope FOREIGN KEY (tenant, envelope_id) REFERENCES envelopes (tenant, id),
    CONSTRAINT payments_purpose CHECK (purpose IN ('create-account', 'payment', 'claimable-balance', 'refund')),
    CONSTRAINT payments_settled CHECK (settled = 0 OR (settled = 1 AND envelope_id IS NOT NULL)),
    CONSTRAINT payments_ordinal CHECK (ordinal >= 0)
);
CREATE INDEX payments_by_envelope ON payments (tenant, envelope_id);

-- What each envelope pays or paid or tried to pay.
CREATE TABLE envelope_payments (
    tenant TEXT NOT NULL,
    envelope_id TEXT NOT NULL,
    operation_index BIGINT NOT NULL,
    transaction_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    CONSTRAINT envelope_payments_pkey PRIMARY KEY (tenant, envelope_id, operation_index),
    CONSTRAINT envelope_payments_once UNIQUE (tenant, envelope_id, transaction_id, purpose, ordinal),
    CONSTRAINT envelope_payments_envelope FOREIGN KEY (tenant, envelope_id) REFERENCES envelopes (tenant, id),
    CONSTRAINT envelope_payments_payment FOREIGN KEY (tenant, transaction_id, purpose, ordinal)
        REFERENCES payments (tenant, transaction_id, purpose, ordinal)
);
CREATE INDEX envelope_payments_by_transaction ON envelope_payments (tenant, transaction_id);

CREATE TABLE jobs (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    hook TEXT NOT NULL,
    transaction_id TEXT,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    runs BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    idle_polls BIGINT NOT NULL,
    settled_runs BIGINT NOT NULL,
    message TEXT,
    seed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT jobs_pkey PRIMARY KEY (tenant, id),
    CONSTRAINT jobs_transaction FOREIGN KEY (tenant, transaction_id) REFERENCES transactions (tenant, id),
    CONSTRAINT jobs_version FOREIGN KEY (tenant, version) REFERENCES versions (tenant, number),
    CONSTRAINT jobs_state CHECK (state IN ('open', 'done', 'dead', 'held')),
    CONSTRAINT jobs_hook CHECK (hook IN (
        'poll-pending-deposits', 'after-deposit', 'process-withdrawal', 'poll-pending-payouts', 'payout-status', 'interactive')),
    CONSTRAINT jobs_about CHECK (
        (hook IN ('poll-pending-deposits', 'poll-pending-payouts') AND transaction_id IS NULL)
        OR (hook NOT IN ('poll-pending-deposits', 'poll-pending-payouts') AND transaction_id IS NOT NULL)),
    CONSTRAINT jobs_counts CHECK (runs >= 0 AND failures >= 0 AND idle_polls >= 0 AND settled_runs BETWEEN 0 AND runs)
);
CREATE UNIQUE INDEX jobs_one_open_poll ON jobs (tenant, hook) WHERE state = 'open' AND transaction_id IS NULL;
CREATE UNIQUE INDEX jobs_one_payout ON jobs (tenant, transaction_id)
    WHERE hook = 'process-withdrawal' AND state IN ('open', 'held');
CREATE INDEX jobs_by_time ON jobs (tenant, created_at, id);
CREATE INDEX jobs_by_transaction ON jobs (tenant, transaction_id);

-- Committed before the run's instance exists (money rule 3).
CREATE TABLE runs (
    tenant TEXT NOT NULL,
    job_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    hook TEXT NOT NULL,
    version BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_code TEXT,
    end_detail TEXT,
    receipt TEXT,
    CONSTRAINT runs_once PRIMARY KEY (tenant, job_id, ordinal),
    CONSTRAINT runs_job FOREIGN KEY (tenant, job_id) REFERENCES jobs (tenant, id),
    CONSTRAINT runs_ordinal CHECK (ordinal > 0),
    CONSTRAINT runs_hook CHECK (hook IN (
        'poll-pending-deposits', 'after-deposit', 'process-withdrawal', 'poll-pending-payouts', 'payout-status', 'interactive')),
    CONSTRAINT runs_end CHECK (
        (ended_at IS NULL) = (end_code IS NULL) AND (ended_at IS NULL) = (end_detail IS NULL)
        AND (ended_at IS NULL) = (receipt IS NULL))
);

CREATE TABLE run_logs (
    tenant TEXT NOT NULL,
    job_id TEXT NOT NULL,
    run BIGINT NOT NULL,
    line BIGINT NOT NULL,
    level TEXT NOT NULL,
    logged_at BIGINT NOT NULL,
    message TEXT NOT NULL,
    CONSTRAINT run_logs_pkey PRIMARY KEY (tenant, job_id, run, line),
    CONSTRAINT run_logs_run FOREIGN KEY (tenant, job_id, run) REFERENCES runs (tenant, job_id, ordinal),
    CONSTRAINT run_logs_level CHECK (level IN ('debug', 'info', 'warn', 'error'))
);

-- Intent before the request leaves, answer before the guest sees it (money rule 3).
CREATE TABLE effects (
    tenant TEXT NOT NULL,
    job_id TEXT NOT NULL,
    run BIGINT NOT NULL,
    name TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_digest TEXT NOT NULL,
    intended_at BIGINT NOT NULL,
    answer TEXT,
    http_status BIGINT,
    detail TEXT,
    CONSTRAINT effects_once PRIMARY KEY (tenant, job_id, run, name),
    CONSTRAINT effects_run FOREIGN KEY (tenant, job_id, run) REFERENCES runs (tenant, job_id, ordinal),
    CONSTRAINT effects_answer CHECK (
        (answer IS NULL AND http_status IS NULL AND detail IS NULL)
        OR (answer IS NOT NULL AND answer = 'complete' AND http_status IS NOT NULL AND detail IS NOT NULL)
        OR (answer IS NOT NULL AND answer IN ('not-sent', 'no-answer') AND http_status IS NULL AND detail IS NOT NULL))
);

-- Every credit that a poll reported, whatever it matched (money rule 2).
CREATE TABLE bank_credits (
    tenant TEXT NOT NULL,
    rail TEXT NOT NULL,
    external_id TEXT NOT NULL,
    amount BIGINT NOT NULL,
    reference TEXT NOT NULL,
    transaction_id TEXT,
    unmatched TEXT,
    reported_at BIGINT NOT NULL,
    CONSTRAINT bank_credits_once PRIMARY KEY (tenant, rail, external_id),
    CONSTRAINT bank_credits_tenant FOREIGN KEY (tenant) REFERENCES tenants (id),
    CONSTRAINT bank_credits_transaction FOREIGN KEY (tenant, transaction_id) REFERENCES transactions (tenant, id),
    CONSTRAINT bank_credits_matched CHECK ((transaction_id IS NULL) <> (unmatched IS NULL))
);
CREATE UNIQUE INDEX bank_credits_fund_once ON bank_credits (tenant, transaction_id) WHERE transaction_id IS NOT NULL;
CREATE INDEX bank_credits_by_time ON bank_credits (tenant, reported_at);

-- Every payment that the ledger shows to a tenant's account, whatever it matched (money rule 2).
CREATE TABLE incoming (
    tenant TEXT NOT NULL,
    network TEXT NOT NULL,
    transaction_hash TEXT NOT NULL,
    operation_index BIGINT NOT NULL,
    payer TEXT NOT NULL,
    account TEXT NOT NULL,
    asset TEXT NOT NULL,
    amount BIGINT NOT NULL,
    memo TEXT,
    ledger BIGINT NOT NULL,
    closed_at BIGINT NOT NULL,
    transaction_id TEXT,
    unmatched TEXT,
    seen_at BIGINT NOT NULL,
    CONSTRAINT incoming_pkey PRIMARY KEY (tenant, network, transaction_hash, operation_index),
    CONSTRAINT incoming_once UNIQUE (network, transaction_hash, operation_index),
    CONSTRAINT incoming_account FOREIGN KEY (tenant, network, account) REFERENCES accounts (tenant, network, account),
    CONSTRAINT incoming_transaction FOREIGN KEY (tenant, transaction_id) REFERENCES transactions (tenant, id),
    CONSTRAINT incoming_amount CHECK (amount >= 0),
    CONSTRAINT incoming_matched CHECK ((transaction_id IS NULL) <> (unmatched IS NULL))
);
CREATE UNIQUE INDEX incoming_pays_once ON incoming (tenant, transaction_id) WHERE transaction_id IS NOT NULL;
CREATE INDEX incoming_by_time ON incoming (tenant, closed_at);

-- What the ledger showed and nobody could handle: kept, never in the way (money rule 2). Of the host, not of a tenant.
CREATE TABLE failed_events (
    source TEXT NOT NULL,
    event TEXT NOT NULL,
    reason TEXT NOT NULL,
    failed_at BIGINT NOT NULL,
    CONSTRAINT failed_events_pkey PRIMARY KEY (source, event)
);

-- Where each source has been read to. Of the host, not of a tenant.
CREATE TABLE cursors (
    source TEXT NOT NULL,
    read_to TEXT NOT NULL,
    CONSTRAINT cursors_pkey PRIMARY KEY (source)
);

-- The queue. An empty tenant is the host. A row that is woken while it is leased notes when it is wanted.
CREATE TABLE work (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    lease_token BIGINT NOT NULL,
    leased_at BIGINT,
    lease_until BIGINT,
    woken BIGINT,
    CONSTRAINT work_pkey PRIMARY KEY (tenant, kind, subject),
    CONSTRAINT work_kind CHECK (kind IN ('job', 'plan', 'envelope', 'trust', 'watch', 'expire')),
    CONSTRAINT work_host CHECK ((tenant = '') = (kind = 'watch')),
    CONSTRAINT work_lease CHECK ((leased_at IS NULL) = (lease_until IS NULL)),
    CONSTRAINT work_woken CHECK (woken IS NULL OR lease_until IS NOT NULL)
);
CREATE INDEX work_due ON work (kind, due_at) WHERE lease_until IS NULL;
CREATE INDEX work_leased ON work (kind, lease_until) WHERE lease_until IS NOT NULL;

-- What people did, append-only. An empty tenant is the host.
CREATE TABLE audit (
    tenant TEXT NOT NULL,
    noted_at BIGINT NOT NULL,
    id TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT,
    CONSTRAINT audit_pkey PRIMARY KEY (tenant, noted_at, id)
);

CREATE TRIGGER history_no_update BEFORE UPDATE ON history BEGIN SELECT RAISE(ABORT, 'history_append_only'); END;
CREATE TRIGGER history_no_delete BEFORE DELETE ON history BEGIN SELECT RAISE(ABORT, 'history_append_only'); END;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit_append_only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit_append_only'); END;
