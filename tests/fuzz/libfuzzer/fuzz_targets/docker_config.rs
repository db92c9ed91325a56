#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| lodeman_fuzz::run("docker_config", input));
