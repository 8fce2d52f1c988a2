//! The windlass binary: command line, configuration, wiring, telemetry, shutdown.
