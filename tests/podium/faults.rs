//! Podium while things break: real processes are killed, real servers restarted, real connections cut. What must hold
//! all the same is checked at the end of each test, by the same function.

mod queue;
