import Testing

@testable import swoop

@Suite("swoop simulate")
struct SimulateTests {
    /// A day of the simulated network would otherwise take for ever, or no time that the clock can tell.
    @Test(
        "refuses lines that cannot be simulated",
        arguments: [["--up", "1"], ["--up", "9000000TB/s"], ["--up", "1MB/s", "--site-line", "5"]])
    func impossibleLines(words: [String]) {
        #expect(throws: (any Error).self) {
            _ = try SimulateCommand.parse(["--hosts", "5", "--size", "1GB"] + words)
        }
    }

    @Test(
        "refuses numbers of pieces and connections that cannot be simulated",
        arguments: [["--pieces", "15"], ["--pieces", "10001"], ["--connections", "3"], ["--connections", "201"]])
    func impossibleNumbers(words: [String]) {
        #expect(throws: (any Error).self) {
            _ = try SimulateCommand.parse(["--hosts", "5", "--size", "1GB", "--up", "1MB/s"] + words)
        }
    }

    @Test("takes the slowest and the fastest line that it can simulate", arguments: ["10KB/s", "1TB/s"])
    func possibleLines(rate: String) throws {
        _ = try SimulateCommand.parse(["--hosts", "5", "--size", "1GB", "--up", rate])
    }

    @Test(
        "refuses rotation with what that scheme does not know",
        arguments: [["--caches", "1"], ["--firewalled", "1"], ["--sites", "2"], ["--compare"]])
    func rotationAlone(words: [String]) throws {
        let scheme = ["--hosts", "5", "--size", "1GB", "--up", "1MB/s", "--scheme", "rotation"]
        _ = try SimulateCommand.parse(scheme)
        #expect(throws: (any Error).self) { _ = try SimulateCommand.parse(scheme + words) }
    }
}
