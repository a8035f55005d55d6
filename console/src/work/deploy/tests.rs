//! The comparison and its calls, without a stage.
