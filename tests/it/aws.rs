//! Stages on AWS, without AWS: the console on ministack and on the local Lambda as if it were
//! remote, and behind a proxy that injects faults.

mod alone;
mod behind;
mod invoke;
mod large;
mod logs;
mod network;
mod pipeline;
mod retries;
mod role;
mod seeded;
mod settings;
mod speed;
mod whole;
