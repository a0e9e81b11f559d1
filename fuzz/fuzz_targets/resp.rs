//! Bytes from a client of the broker. Whatever is read must not depend on where the stream is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use podium::embedded::broker;

fuzz_target!(|wire: &[u8]| {
    let Ok(requests) = broker::requests(wire) else {
        return;
    };
    let mut again = Vec::new();
    for request in &requests {
        assert!(!request.is_empty(), "a request has a command");
        again.extend_from_slice(format!("*{}\r\n", request.len()).as_bytes());
        for argument in request {
            again.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            again.extend_from_slice(argument);
            again.extend_from_slice(b"\r\n");
        }
    }
    assert_eq!(broker::requests(&again), Ok(requests));
});
