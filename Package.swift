// swift-tools-version: 6.1
// Swoop: one program that moves big files to many machines. ARCHITECTURE.md is the map of the targets below.

import PackageDescription

/// A target of this package: what it may import is what stands here, and arrows point down the list only.
struct Module {
    let name: String
    var kind: Kind = .library
    var uses: [String] = []
    var products: [Product] = []

    enum Kind { case library, c, executable, tests }

    enum Product: String {
        case argumentParser, asyncHTTPClient, crypto, log

        var dependency: Target.Dependency {
            switch self {
            case .argumentParser: .product(name: "ArgumentParser", package: "swift-argument-parser")
            case .asyncHTTPClient: .product(name: "AsyncHTTPClient", package: "async-http-client")
            case .crypto: .product(name: "Crypto", package: "swift-crypto")
            case .log: .product(name: "Logging", package: "swift-log")
            }
        }

        var package: Package.Dependency {
            switch self {
            case .argumentParser: .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
            case .asyncHTTPClient: .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0")
            case .crypto: .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2")
            case .log: .package(url: "https://github.com/apple/swift-log", from: "1.16.2")
            }
        }
    }
}

let modules: [Module] = [
    // Values and decisions: no I/O, no clock, no locks.
    Module(name: "CSHA", kind: .c),
    Module(name: "Hashing", uses: ["CSHA"], products: [.crypto]),
    Module(name: "Bencode"),
    Module(name: "Metainfo", uses: ["Bencode", "Hashing"]),
    Module(name: "PeerWire", uses: ["Bencode", "Hashing"]),
    Module(name: "Tracking", uses: ["Bencode", "Hashing"]),
    Module(name: "SwarmCore", uses: ["Metainfo", "PeerWire"]),

    // Shells: sockets, disks, threads.
    Module(name: "CLinux", kind: .c),
    Module(name: "Reactor", uses: ["CLinux"]),
    Module(name: "Storage", uses: ["Metainfo", "CLinux"]),
    Module(name: "Authoring", uses: ["Metainfo", "Storage"]),
    Module(name: "TrackerServer", uses: ["Tracking", "Reactor"], products: [.log]),
    Module(name: "TrackerClient", uses: ["Tracking"], products: [.asyncHTTPClient, .log]),
    Module(name: "HTTPOrigin", uses: ["Metainfo"], products: [.asyncHTTPClient, .log]),
    Module(name: "Swarm", uses: ["SwarmCore", "Reactor", "Storage", "TrackerClient", "HTTPOrigin"], products: [.log]),
    Module(
        name: "swoop", kind: .executable, uses: ["Authoring", "Swarm", "TrackerServer"],
        products: [.argumentParser, .log]),

    Module(name: "HashingTests", kind: .tests, uses: ["Hashing"]),
    Module(name: "BencodeTests", kind: .tests, uses: ["Bencode"]),
    Module(name: "MetainfoTests", kind: .tests, uses: ["Metainfo"]),
    Module(name: "PeerWireTests", kind: .tests, uses: ["PeerWire"]),
    Module(name: "TrackingTests", kind: .tests, uses: ["Tracking"]),
    Module(name: "SwarmCoreTests", kind: .tests, uses: ["SwarmCore"]),
    Module(name: "ReactorTests", kind: .tests, uses: ["Reactor"]),
    Module(name: "StorageTests", kind: .tests, uses: ["Storage"]),
    Module(name: "AuthoringTests", kind: .tests, uses: ["Authoring"]),
    Module(name: "TrackerServerTests", kind: .tests, uses: ["TrackerServer"]),
    Module(name: "TrackerClientTests", kind: .tests, uses: ["TrackerClient"]),
    Module(name: "HTTPOriginTests", kind: .tests, uses: ["HTTPOrigin"]),
    Module(name: "SwarmTests", kind: .tests, uses: ["Swarm"]),
    Module(name: "CommandTests", kind: .tests, uses: ["swoop"]),
    Module(name: "IntegrationTests", kind: .tests),
]

/// `SWOOP_ONLY=Bencode,MetainfoTests` keeps those targets and what they use: a sanitizer run of the pure targets then
/// builds none of the packages that only the shells need.
let chosen: [Module] = {
    guard let only = Context.environment["SWOOP_ONLY"] else { return modules }
    var wanted = Set(only.split(separator: ",").map(String.init))
    for module in modules.reversed() where wanted.contains(module.name) { wanted.formUnion(module.uses) }
    return modules.filter { wanted.contains($0.name) }
}()

let package = Package(
    name: "swoop",
    dependencies: Set(chosen.flatMap(\.products).map(\.rawValue)).sorted().compactMap { Module.Product(rawValue: $0)?.package },
    targets: chosen.map { module in
        let dependencies = module.uses.map { Target.Dependency.target(name: $0) } + module.products.map(\.dependency)
        return switch module.kind {
        case .c: .target(name: module.name, cSettings: [.unsafeFlags(["-O3"])])
        case .library: .target(name: module.name, dependencies: dependencies)
        case .executable: .executableTarget(name: module.name, dependencies: dependencies)
        case .tests: .testTarget(name: module.name, dependencies: dependencies)
        }
    },
    swiftLanguageModes: [.v6])
