import Foundation
import TestSupport
import Testing

/// Eight hosts with lines of 80 Mbit/s each way pull one blob from a registry at once.
@Suite("A storm of pulls", .serialized)
struct RegistryStormTests {
    private static let hosts = 8
    private static let mbit = 80
    private static let size = 16 << 20

    private enum Way: String, CaseIterable, CustomTestStringConvertible {
        case agents, direct
        var testDescription: String { rawValue }
    }

    /// Where its line is as wide as theirs, the registry is busy with the first copy while they give each other the others. A
    /// wider line has room left, which its budget of copies keeps it from filling.
    @Test(arguments: Way.allCases, [true, false])
    private func `All get it, and the registry sends few copies`(_ way: Way, _ isNarrow: Bool) async throws {
        let network = try Network(hosts: Self.hosts + 1)
        for index in 1...Self.hosts { try network.shape(index, mbit: Self.mbit) }
        if isNarrow { try network.shape(0, mbit: Self.mbit) }
        let registry = try await TestRegistry(on: (network.hosts[0], network.address(0)))
        let place = registry.work.path
        let content = try SampleFiles.file(place + "/from/content.bin", Self.size, seed: 71)
        try await registry.keep(content, as: "team/content:1")
        var agents: [TestAgent] = []
        if way == .agents {
            for index in 1...Self.hosts {
                agents.append(try await registry.agent("a\(index)", on: network.hosts[index]))
            }
        }
        let before = try network.hosts[0].sentBytes()
        let clock = ContinuousClock()
        let start = clock.now
        let pulls = try (1...Self.hosts).map { index in
            let source = agents.isEmpty ? ["--direct"] : ["--agent", agents[index - 1].socket]
            return try registry.start(
                ["pull", "team/content:1", "-o", "\(place)/host\(index)", "--json"] + source, on: network.hosts[index])
        }
        for pull in pulls {
            let ending = try await pull.ending(within: 120)
            #expect(ending.status == 0, "\(ending)")
        }
        let taken = (clock.now - start) / .seconds(1)
        let copies = Double(try network.hosts[0].sentBytes() - before) / Double(Self.size)
        let bound = Double(Self.size) * 8 / Double(Self.mbit * 1_000_000)
        print(
            "storm, \(way), \(isNarrow ? "narrow" : "wide") line: \(copies) copies sent, \(taken) s, \(taken / bound) times the bound"
        )
        for index in 1...Self.hosts {
            let copy = "\(place)/host\(index)/content.bin"
            #expect(FileManager.default.contentsEqual(atPath: content, andPath: copy), "copy of host \(index)")
        }
        #expect(copies < 1.5, "the registry sent \(copies) copies")
        withExtendedLifetime(agents) {}
    }
}
