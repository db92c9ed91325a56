//! Tests of the derivation, one rule at a time.

mod cases;
