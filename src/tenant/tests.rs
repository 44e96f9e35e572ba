//! Tests of one tenant against a naive model.
