import ArgumentParser
import Testing

@testable import swoop

@Suite struct `The address of a control` {
    private func problem(_ address: String) -> String {
        do {
            let none = "/dev/null/no-token"
            _ = try FleetArguments.parse(["--control", address, "--token-file", none]).client()
            return ""
        } catch { return "\(error)" }
    }

    @Test(arguments: ["http://control.example:7480", "http://10.0.0.1:7480", "http://127.0.0.1.example"])
    func `on another host has TLS, or the token stays here`(address: String) {
        #expect(problem(address).contains("another host"))
    }

    @Test(arguments: [
        "http://127.0.0.1:7480", "http://localhost:7480", "http://[::1]:7480", "https://control", "control",
    ])
    func `is used where the token is safe`(address: String) {
        #expect(problem(address).contains("cannot read the token"))
    }
}
