import Testing

@testable import swoop

@Suite("swoop simulate")
struct SimulateTests {
    /// A day of the simulated network would otherwise take for ever, or no time that the clock can tell.
    @Test(arguments: [["--up", "1"], ["--up", "9000000TB/s"], ["--up", "1MB/s", "--site-line", "5"]])
    func `refuses lines that cannot be simulated`(words: [String]) {
        #expect(throws: (any Error).self) {
            _ = try SimulateCommand.parse(["--hosts", "5", "--size", "1GB"] + words)
        }
    }

    @Test(arguments: [["--pieces", "15"], ["--pieces", "10001"], ["--connections", "3"], ["--connections", "201"]])
    func `refuses numbers of pieces and connections that cannot be simulated`(words: [String]) {
        #expect(throws: (any Error).self) {
            _ = try SimulateCommand.parse(["--hosts", "5", "--size", "1GB", "--up", "1MB/s"] + words)
        }
    }

    @Test(arguments: ["10KB/s", "1TB/s"])
    func `takes the slowest and the fastest line that it can simulate`(rate: String) throws {
        _ = try SimulateCommand.parse(["--hosts", "5", "--size", "1GB", "--up", rate])
    }

    @Test(arguments: [["--caches", "1"], ["--firewalled", "1"], ["--sites", "2"], ["--compare"]])
    func `refuses rotation with what that scheme does not know`(words: [String]) throws {
        let scheme = ["--hosts", "5", "--size", "1GB", "--up", "1MB/s", "--scheme", "rotation"]
        _ = try SimulateCommand.parse(scheme)
        #expect(throws: (any Error).self) { _ = try SimulateCommand.parse(scheme + words) }
    }
}
