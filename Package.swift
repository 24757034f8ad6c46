// swift-tools-version: 6.1
// Swoop: one program that moves big files to many machines. ARCHITECTURE.md is the map of the targets below.

import PackageDescription

/// A target of this package: what it may import is what stands here. `Scripts/arrows` holds that against the layers below.
struct Module {
    let name: String
    var kind: Kind = .library
    var uses: [String] = []
    var products: [Product] = []

    enum Kind { case library, c, executable, tests }

    enum Product: String {
        case argumentParser, asyncHTTPClient, crypto, deque, grdb, heap, hummingbird, log, nioCore, nioEmbedded,
            nioHTTP1, nioPosix, nioSSL, nioTLS, swiftASN1, x509, yams

        var dependency: Target.Dependency {
            switch self {
            case .argumentParser: .product(name: "ArgumentParser", package: "swift-argument-parser")
            case .asyncHTTPClient: .product(name: "AsyncHTTPClient", package: "async-http-client")
            case .crypto: .product(name: "Crypto", package: "swift-crypto")
            case .deque: .product(name: "DequeModule", package: "swift-collections")
            case .grdb: .product(name: "GRDB", package: "GRDB.swift")
            case .heap: .product(name: "HeapModule", package: "swift-collections")
            case .hummingbird: .product(name: "Hummingbird", package: "hummingbird")
            case .log: .product(name: "Logging", package: "swift-log")
            case .nioCore: .product(name: "NIOCore", package: "swift-nio")
            case .nioEmbedded: .product(name: "NIOEmbedded", package: "swift-nio")
            case .nioHTTP1: .product(name: "NIOHTTP1", package: "swift-nio")
            case .nioPosix: .product(name: "NIOPosix", package: "swift-nio")
            case .nioSSL: .product(name: "NIOSSL", package: "swift-nio-ssl")
            case .nioTLS: .product(name: "NIOTLS", package: "swift-nio")
            case .swiftASN1: .product(name: "SwiftASN1", package: "swift-asn1")
            case .x509: .product(name: "X509", package: "swift-certificates")
            case .yams: .product(name: "Yams", package: "Yams")
            }
        }

        /// Address and lowest version of the package that it comes from.
        var package: (url: String, version: Version) {
            switch self {
            case .argumentParser: ("https://github.com/apple/swift-argument-parser", "1.8.2")
            case .asyncHTTPClient: ("https://github.com/swift-server/async-http-client", "1.37.0")
            case .crypto: ("https://github.com/apple/swift-crypto", "4.5.2")
            case .deque, .heap: ("https://github.com/apple/swift-collections", "1.6.0")
            case .grdb: ("https://github.com/groue/GRDB.swift", "7.10.0")
            case .hummingbird: ("https://github.com/hummingbird-project/hummingbird", "2.28.1")
            case .log: ("https://github.com/apple/swift-log", "1.16.2")
            case .nioCore, .nioEmbedded, .nioHTTP1, .nioPosix, .nioTLS:
                ("https://github.com/apple/swift-nio", "2.101.2")
            case .nioSSL: ("https://github.com/apple/swift-nio-ssl", "2.37.6")
            case .swiftASN1: ("https://github.com/apple/swift-asn1", "1.7.4")
            case .x509: ("https://github.com/apple/swift-certificates", "1.21.1")
            case .yams: ("https://github.com/jpsim/Yams", "6.2.2")
            }
        }
    }
}

/// The folders under `Sources/`, from the lowest to the highest: a target uses those of its own layer that stand before it, and
/// those of the layers before.
let layers: [(name: String, modules: [Module])] = [
    // Values: no I/O, no clock, no locks.
    (
        "Values",
        [
            Module(name: "Text"),
            Module(name: "Address", uses: ["Text"]),
            Module(name: "JSON", uses: ["Text"]),
            Module(name: "Settings", uses: ["Text", "Address", "JSON"]),
            Module(name: "YAML", uses: ["JSON", "Settings"], products: [.yams]),
            Module(name: "CSHA", kind: .c),
            Module(name: "Hashing", uses: ["Text", "CSHA"], products: [.crypto]),
            Module(name: "Bencode"),
            Module(name: "Metainfo", uses: ["Text", "Bencode", "Hashing"]),
        ]
    ),
    (
        "System",
        [
            Module(name: "CLinux", kind: .c),
            Module(name: "Threads", uses: ["CLinux"]),
            Module(name: "Files", uses: ["CLinux"]),
            Module(name: "MetricFamilies"),
            Module(name: "Admission", uses: ["Address"]),
            Module(name: "Reactor", uses: ["Address", "Threads", "Files", "CLinux"], products: [.deque, .heap]),
        ]
    ),
    (
        "Content",
        [
            Module(name: "Storage", uses: ["Hashing", "Metainfo", "Threads", "Files"]),
            Module(name: "Authoring", uses: ["Threads", "Files", "Metainfo", "Hashing", "Storage"]),
            Module(name: "Blobs", uses: ["Hashing", "Metainfo", "Files"]),
            Module(name: "HashLibrary", uses: ["Threads", "Files", "Hashing", "CLinux"], products: [.log]),
        ]
    ),
    (
        "Origins",
        [
            Module(
                name: "HTTPTransport", uses: ["Text", "Hashing"],
                products: [.asyncHTTPClient, .nioCore, .nioHTTP1, .nioPosix, .nioSSL]),
            Module(
                name: "HTTPOrigin", uses: ["Text", "Threads", "Metainfo", "HTTPTransport"],
                products: [.log, .nioCore, .nioHTTP1]),
            Module(name: "S3", uses: ["Text"], products: [.crypto]),
            Module(
                name: "ObjectStore",
                uses: ["Text", "Threads", "Files", "Metainfo", "S3", "HTTPTransport", "HTTPOrigin"],
                products: [.log, .nioCore, .nioHTTP1]),
        ]
    ),
    // Tracker stands before Engine as long as the engine asks trackers itself.
    (
        "Tracker",
        [
            Module(name: "Tracking", uses: ["Text", "Address", "Bencode", "Hashing"]),
            Module(
                name: "TrackerClient", uses: ["Text", "Address", "Hashing", "HTTPTransport", "Tracking"],
                products: [.log, .nioCore, .nioHTTP1, .nioPosix]),
            Module(
                name: "TrackerServer",
                uses: ["Text", "Address", "CLinux", "Threads", "MetricFamilies", "Admission", "Reactor", "Tracking"],
                products: [.deque, .log]
            ),
            Module(
                name: "TrackerRedis", uses: ["Address", "Threads", "Reactor", "Tracking", "TrackerServer"],
                products: [.deque, .log]),
        ]
    ),
    (
        "Engine",
        [
            Module(name: "PeerWire", uses: ["Address", "Bencode", "Hashing"]),
            Module(name: "SwarmCore", uses: ["Text", "Hashing", "Metainfo", "PeerWire"]),
            Module(name: "SwarmSimulator", uses: ["Text", "Hashing", "Metainfo", "PeerWire", "SwarmCore"]),
            Module(
                name: "Swarm",
                uses: [
                    "Text", "Address", "Hashing", "Metainfo", "Threads", "Files", "Admission", "Reactor", "Storage",
                    "HTTPOrigin",
                    "Tracking", "TrackerClient", "PeerWire", "SwarmCore",
                ], products: [.log]),
        ]
    ),
    (
        "Service",
        [
            Module(name: "Database", uses: ["Threads"], products: [.grdb]),
            Module(name: "CPQ", kind: .c),
            Module(name: "Postgres", uses: ["Threads", "CPQ"]),
            Module(
                name: "HTTPServing",
                uses: ["Text", "Address", "JSON", "Threads", "Files", "MetricFamilies", "Admission"],
                products: [.hummingbird, .log, .nioCore, .nioHTTP1, .nioPosix, .nioSSL, .nioTLS]),
            Module(
                name: "Identity", uses: ["Text", "JSON", "Hashing", "Files"],
                products: [.crypto, .nioSSL, .swiftASN1, .x509]),
        ]
    ),
    (
        "Jobs",
        [
            Module(name: "Policy", uses: ["Text", "JSON"]),
            Module(
                name: "Jobs",
                uses: [
                    "Address", "Hashing", "Metainfo", "Threads", "Files", "HashLibrary", "HTTPOrigin", "SwarmCore",
                    "Swarm",
                    "Policy",
                ],
                products: [.log]),
        ]
    ),
    (
        "Roles",
        [
            Module(name: "BFT", uses: ["Text", "Address", "JSON", "Settings", "Metainfo", "Policy"]),
            Module(name: "Fleet", uses: ["Text", "Address", "JSON", "Settings", "Hashing", "Policy"]),
            Module(name: "Registry", uses: ["Text", "JSON", "Hashing", "Metainfo"]),
            Module(
                name: "RegistrySettings", uses: ["Text", "Address", "JSON", "Settings", "YAML", "Registry"]),
            Module(
                name: "Backends",
                uses: [
                    "Text", "JSON", "Hashing", "Files", "HTTPTransport", "HTTPOrigin", "S3", "ObjectStore", "Registry",
                ], products: [.nioCore, .nioHTTP1]),
            Module(
                name: "TestFS",
                uses: ["Text", "Address", "JSON", "Threads", "Files", "Admission", "HTTPServing", "Backends"],
                products: [.hummingbird, .log, .nioPosix]),
            Module(
                name: "BlobNode",
                uses: ["Address", "Hashing", "Metainfo", "Threads", "Files", "HTTPOrigin", "Blobs", "Swarm"],
                products: [.log]),
            Module(
                name: "ColdStore",
                uses: [
                    "Hashing", "Metainfo", "Threads", "Files", "Blobs", "HTTPTransport", "HTTPOrigin", "Swarm",
                    "Database", "Registry", "Backends", "BlobNode",
                ], products: [.grdb, .log, .nioCore]),
            Module(
                name: "Upkeep",
                uses: [
                    "Hashing", "Metainfo", "Threads", "Files", "Blobs", "Database", "Registry", "BlobNode", "ColdStore",
                ], products: [.log]),
            Module(
                name: "RegistryClient", uses: ["Text", "JSON", "Hashing", "HTTPTransport", "Registry"],
                products: [.nioCore, .nioHTTP1]),
            Module(
                name: "RegistryTransfer",
                uses: [
                    "Text", "JSON", "Hashing", "Metainfo", "Threads", "Files", "Reactor", "Storage", "Authoring",
                    "Registry", "RegistryClient",
                ], products: [.nioCore]),
            Module(
                name: "RegistryAccess",
                uses: [
                    "Text", "Address", "JSON", "Hashing", "Threads", "Files", "Admission", "HTTPServing", "Registry",
                ], products: [.crypto, .hummingbird]),
            Module(
                name: "NameIndex",
                uses: [
                    "Text", "JSON", "Hashing", "Threads", "MetricFamilies", "HTTPServing", "Database", "Postgres",
                    "Registry", "RegistryAccess",
                ], products: [.grdb, .hummingbird, .log]),
            Module(
                name: "OCI",
                uses: [
                    "Text", "JSON", "Threads", "Files", "Admission", "Blobs", "HTTPServing", "Registry",
                    "RegistryAccess",
                ],
                products: [.hummingbird, .nioCore, .nioPosix]),
            Module(
                name: "IndexLink",
                uses: [
                    "Text", "JSON", "Hashing", "Threads", "HTTPTransport", "HTTPServing", "Registry", "RegistryAccess",
                    "RegistryClient", "Upkeep", "NameIndex", "OCI",
                ], products: [.hummingbird, .nioCore, .nioHTTP1]),
            Module(
                name: "RegistryWatch",
                uses: ["Text", "JSON", "Threads", "HTTPServing", "Registry", "RegistryAccess", "OCI"],
                products: [.hummingbird]),
            Module(
                name: "IndexServer",
                uses: [
                    "Text", "Address", "JSON", "Metainfo", "MetricFamilies", "Threads", "Admission",
                    "HTTPTransport", "HTTPServing",
                    "Registry", "RegistryAccess", "RegistryClient", "NameIndex", "OCI", "IndexLink", "RegistryWatch",
                ], products: [.hummingbird, .log, .nioCore]),
            Module(
                name: "Origin",
                uses: [
                    "Text", "Address", "JSON", "Hashing", "Metainfo", "MetricFamilies", "Threads", "Files",
                    "Admission", "Blobs", "Database", "HTTPServing", "Registry", "NameIndex", "BlobNode", "Backends",
                    "ColdStore", "Upkeep", "RegistryClient", "RegistryAccess", "OCI", "IndexLink", "IndexServer",
                    "RegistryWatch",
                ], products: [.hummingbird, .log, .nioCore]),
            Module(
                name: "OriginCluster",
                uses: [
                    "Text", "Address", "JSON", "Hashing", "Metainfo", "Threads", "MetricFamilies", "Files", "Admission",
                    "Blobs", "SwarmCore", "Swarm", "HTTPTransport", "HTTPServing", "Database", "Registry", "Backends",
                    "BlobNode", "ColdStore", "Upkeep", "RegistryClient", "RegistryAccess", "NameIndex", "OCI",
                    "IndexLink",
                    "Origin",
                ], products: [.hummingbird, .log, .nioCore, .nioHTTP1]),
            Module(
                name: "Agent",
                uses: [
                    "Text", "Address", "JSON", "Hashing", "Metainfo", "MetricFamilies", "CLinux", "Threads", "Files",
                    "Storage", "Blobs", "Swarm", "Admission", "HTTPTransport", "HTTPServing", "Registry", "BlobNode",
                    "RegistryClient", "RegistryTransfer", "RegistryAccess", "OCI", "RegistryWatch",
                ], products: [.hummingbird, .log, .nioCore]),
            Module(
                name: "Node",
                uses: [
                    "Text", "Address", "JSON", "Hashing", "Metainfo", "Threads", "Files", "Authoring", "HashLibrary",
                    "HTTPTransport", "HTTPOrigin", "S3", "ObjectStore", "Tracking", "Swarm", "Policy", "BFT",
                    "Jobs",
                ], products: [.log, .nioCore, .nioHTTP1]),
            Module(
                name: "NodeAPI",
                uses: [
                    "Text", "Address", "JSON", "MetricFamilies", "Jobs", "Node", "Policy", "BFT", "Admission",
                    "HTTPServing",
                ],
                products: [.hummingbird, .log, .nioCore]),
            Module(
                name: "FleetLink",
                uses: [
                    "Text", "Address", "JSON", "Hashing", "Threads", "Files", "Admission",
                    "HTTPTransport",
                    "HTTPServing", "Identity", "Fleet",
                ], products: [.crypto, .hummingbird, .log, .nioCore, .nioHTTP1, .nioPosix, .nioSSL, .nioTLS]),
            Module(
                name: "FleetStore",
                uses: [
                    "Text", "Address", "JSON", "Hashing", "Settings", "Database", "Postgres", "Fleet",
                ], products: [.grdb, .log]),
            Module(
                name: "Control",
                uses: [
                    "Text", "Address", "JSON", "Settings", "YAML", "Hashing", "Metainfo", "MetricFamilies", "Threads",
                    "Admission", "HTTPTransport", "HTTPServing", "Identity", "Fleet",
                    "FleetLink", "FleetStore",
                ], products: [.crypto, .hummingbird, .log, .nioCore, .nioHTTP1, .nioSSL]),
            Module(
                name: "FleetAgent",
                uses: [
                    "Text", "Address", "JSON", "Settings", "Hashing", "Metainfo", "CLinux", "Threads", "Files",
                    "Storage", "Authoring", "HashLibrary", "HTTPTransport", "HTTPOrigin", "S3", "ObjectStore",
                    "SwarmCore", "Swarm", "Identity", "Policy", "Jobs", "Fleet", "FleetLink",
                ], products: [.crypto, .log]),
        ]
    ),
    (
        "Commands",
        [
            Module(
                name: "swoop", kind: .executable,
                uses: [
                    "Text", "Address", "JSON", "Hashing", "Metainfo", "CLinux", "Threads", "Files", "Admission",
                    "Storage",
                    "Authoring", "HashLibrary", "HTTPTransport", "Tracking", "TrackerServer", "TrackerRedis",
                    "SwarmCore",
                    "SwarmSimulator", "Swarm",
                    "Settings", "RegistrySettings",
                    "HTTPServing", "BFT", "Node", "NodeAPI", "Blobs", "Database", "Registry", "NameIndex",
                    "RegistryClient", "RegistryTransfer", "RegistryAccess", "Backends", "TestFS", "BlobNode",
                    "ColdStore", "Upkeep", "IndexServer", "Origin", "OriginCluster", "Agent", "Reactor", "S3",
                    "ObjectStore",
                    "Identity", "Jobs", "Fleet", "FleetLink", "FleetStore",
                    "Control", "FleetAgent", "YAML",
                ], products: [.argumentParser, .log, .nioCore, .nioHTTP1])
        ]
    ),
]

/// What each target is for, in the order of the layers: `Scripts/arrows` takes it from here into ARCHITECTURE.md.
let purposes = [
    "Text":
        "hexadecimal, percent-coding, dates and URLs as text; random numbers that can be repeated; the program's name and version",
    "Address": "hosts and ports as people write them",
    "JSON": "JSON read within limits and written",
    "Settings": "a configuration as a table of its keys: defaults, checks, documentation",
    "YAML": "configuration files in YAML, read within limits",
    "CSHA": "the processor's instructions for SHA-1 and SHA-256",
    "Hashing": "SHA-1 and SHA-256 of several messages at a time, Merkle trees of BEP 52",
    "Bencode": "bencoded values, read within limits, written canonically",
    "Metainfo":
        "torrents and magnet links as values that cannot be wrong: safe paths, piece indices, the layout of content in pieces",
    "CLinux": "system calls that Swift's C library lacks",
    "Threads": "threads by name and the clocks",
    "Files": "files: one set of rules for links, replacing, syncing and bounds",
    "MetricFamilies": "numbers for Prometheus, and their page",
    "Admission": "limits on what unknown hosts may use of the process: connections, descriptors, bytes, requests",
    "Reactor": "an event loop on epoll, timers, sockets, worker threads",
    "Storage": "files of content, resume records, checks, publication by one rename",
    "Authoring": "torrents made from files, and files verified against torrents, on all processors",
    "Blobs": "files by their digest: uploads that continue after a break, the torrent of each blob",
    "HashLibrary": "the table of stored files and their hashes, kept current by inotify; local copies",
    "HTTPTransport": "what every HTTP client here needs: bounds, redirects, addresses",
    "HTTPOrigin": "ranges of content from HTTP servers (web seeds), and the health of each server",
    "S3": "requests to an object store, signed (V4, V2), and its answers",
    "ObjectStore": "ranged downloads from object stores, listings, multipart uploads",
    "Tracking": "announces and scrapes of both sides, over HTTP and UDP; when a peer announces to which tracker",
    "TrackerClient": "announces and scrapes over the network",
    "TrackerServer": "the tracker: its sockets, and its peers in memory",
    "TrackerRedis": "peers that several trackers share in Redis or Valkey",
    "PeerWire": "messages between peers: handshake, frames, extensions",
    "SwarmCore": "the decisions of one torrent: which piece, from which peer, which peers to unchoke, which to ban",
    "SwarmSimulator":
        "runs `SwarmCore` for every host of a network that does not exist, on a virtual clock; bounds and capacity plans",
    "Swarm": "the engine: runs `SwarmCore` with sockets, disks, trackers and origins",
    "Database": "SQLite: one file, durable, written in groups, read beside that",
    "CPQ": "PostgreSQL's library for clients, loaded when it is needed",
    "Postgres": "PostgreSQL: transactions on a bounded number of connections, each on a thread of its own",
    "HTTPServing":
        "HTTP servers for the roles: TLS, authentication and access, bodies within limits, events, routes that describe themselves",
    "Policy":
        "decides how content is fetched: shares of the methods, time windows, hand-over, checks, publication; knows no front end",
    "Jobs": "one life for every delivery: fetched, checked, published, served, for whichever front end asked for it",
    "BFT": "BFT 2.0 as values: task files, configuration, paths, the exact text of replies",
    "Identity": "keys and certificates of an authority and of hosts; signatures of receipts",
    "FleetLink": "the link between agents and control: its door, and the client that joins, syncs and sends",
    "FleetStore": "what a control node remembers, in SQLite or PostgreSQL under one contract",
    "Control": "the node that decides, remembers and shows: answers agents, moves jobs, offers an API",
    "FleetAgent": "a host's part of a fleet: receives, publishes, runs hooks, gives on, sends",
    "Fleet": "what a control node decides, as values: selection, tokens and keys, waves, the life of a job, pace",
    "Registry": "content by name, as values: names, tags, digests, manifests, the owners of a blob",
    "RegistrySettings": "the keys of a registry's roles, Kraken's among them, and the seed's names and flags",
    "Backends": "where blobs live in the end: a directory, a file server, an object store; chosen by name",
    "NameIndex": "names, tags and manifests in SQLite or PostgreSQL under one contract, and their calls",
    "TestFS": "a small HTTP file store, to try a back end with",
    "BlobNode": "the blobs of a host and their swarms: serves all of them, fetches each once",
    "ColdStore":
        "sends blobs to their back end, for as long as that takes, and reads them back when they are asked for",
    "Upkeep": "room on an origin's disk, removal of what no name has, scrubbing and mending",
    "RegistryClient": "blobs, uploads, manifests and tags of a registry, over the OCI distribution API",
    "RegistryTransfer": "pushing files to a registry and pulling them: read, hashed, kept, published",
    "RegistryAccess": "who may do what at a registry: tokens, roles, names; a certificate where there is none yet",
    "OCI": "the OCI distribution API over blobs and an index of names",
    "IndexLink": "what origins and indexes of other processes ask each other: both sides of these calls",
    "RegistryWatch": "what agents hear from an index while they keep a request at it: tags put, content to warm",
    "IndexServer": "an index in a process of its own: its doors, and the list of the registry's parts",
    "Origin": "the servers of a registry: keeps what is pushed, answers pulls",
    "OriginCluster":
        "several origins that keep blobs together: pushes passed on, reads passed through, copies made again",
    "Agent": "a host that pulls from a registry's swarm, and gives what it pulled",
    "Node": "the daemon: task directories, uploads, seeding of what was sent, calls, recovery after a crash",
    "NodeAPI": "calls, resources, metrics and the file server, over HTTP",
    "swoop": "the commands",
]

/// What tests share, under `Testing/`: tests use these targets, nothing that ships does.
let testing: [Module] = [
    Module(name: "VirtualNetwork", uses: ["Address", "Reactor"]),
    Module(name: "TestSupport", uses: ["Text"]),
    Module(name: "TestFileLayers", uses: ["Text", "Files"]),
]

let tests: [Module] = [
    Module(name: "TextTests", kind: .tests, uses: ["Text"]),
    Module(name: "AddressTests", kind: .tests, uses: ["Address"]),
    Module(name: "JSONTests", kind: .tests, uses: ["Text", "JSON"]),
    Module(
        name: "FleetTests", kind: .tests,
        uses: ["Text", "Address", "JSON", "Settings", "Hashing", "Policy", "Fleet"]),
    Module(
        name: "IdentityTests", kind: .tests, uses: ["Text", "JSON", "Hashing", "Files", "Identity", "TestSupport"],
        products: [.crypto, .x509]),
    Module(
        name: "FleetLinkTests", kind: .tests,
        uses: [
            "Text", "Address", "Hashing", "Threads", "Admission", "Identity", "Fleet", "FleetLink",
            "TestSupport",
        ], products: [.log]),
    Module(
        name: "FleetStoreTests", kind: .tests,
        uses: ["Text", "JSON", "Hashing", "Fleet", "FleetStore", "TestSupport"]),
    Module(
        name: "ControlTests", kind: .tests,
        uses: [
            "Text", "Address", "JSON", "Hashing", "Admission", "HTTPTransport", "HTTPServing", "Settings",
            "Fleet", "FleetLink", "FleetStore", "Control", "TestSupport",
        ], products: [.log, .nioCore, .nioHTTP1]),
    Module(
        name: "FleetAgentTests", kind: .tests,
        uses: [
            "Text", "Address", "JSON", "Hashing", "Threads", "Settings", "YAML", "Identity",
            "Policy",
            "Jobs", "Swarm", "Fleet", "FleetLink", "FleetAgent", "TestSupport",
        ], products: [.log]),
    Module(name: "SettingsTests", kind: .tests, uses: ["Text", "Address", "JSON", "Settings"]),
    Module(name: "YAMLTests", kind: .tests, uses: ["JSON", "Settings", "YAML"]),
    Module(name: "ThreadsTests", kind: .tests, uses: ["Threads"]),
    Module(name: "FilesTests", kind: .tests, uses: ["Threads", "Files", "TestFileLayers", "TestSupport"]),
    Module(name: "HashingTests", kind: .tests, uses: ["Text", "Hashing", "TestSupport"]),
    Module(name: "BencodeTests", kind: .tests, uses: ["Text", "Bencode"]),
    Module(name: "MetainfoTests", kind: .tests, uses: ["Text", "Hashing", "Bencode", "Metainfo", "TestSupport"]),
    Module(name: "PeerWireTests", kind: .tests, uses: ["Text", "Address", "Hashing", "Bencode", "PeerWire"]),
    Module(name: "TrackingTests", kind: .tests, uses: ["Text", "Address", "Hashing", "Bencode", "Tracking"]),
    Module(
        name: "SwarmCoreTests", kind: .tests, uses: ["Text", "Hashing", "Bencode", "Metainfo", "PeerWire", "SwarmCore"]),
    Module(name: "SwarmSimulatorTests", kind: .tests, uses: ["Text", "SwarmCore", "SwarmSimulator"]),
    Module(name: "AdmissionTests", kind: .tests, uses: ["Admission"]),
    Module(name: "ReactorTests", kind: .tests, uses: ["Text", "Reactor"]),
    Module(
        name: "StorageTests", kind: .tests,
        uses: ["Text", "Hashing", "Metainfo", "Files", "Storage", "TestFileLayers", "TestSupport"]),
    Module(name: "AuthoringTests", kind: .tests, uses: ["Text", "Hashing", "Metainfo", "Authoring", "TestSupport"]),
    Module(
        name: "TrackerServerTests", kind: .tests,
        uses: [
            "Text", "Address", "Admission", "Threads", "Reactor", "Tracking", "TrackerServer", "TrackerRedis",
            "TestSupport",
        ], products: [.log]),
    Module(
        name: "TrackerClientTests", kind: .tests,
        uses: ["Text", "Address", "Hashing", "HTTPTransport", "Tracking", "TrackerClient", "TestSupport"],
        products: [.nioCore, .nioHTTP1, .nioPosix]),
    Module(
        name: "HTTPOriginTests", kind: .tests, uses: ["Hashing", "Bencode", "Metainfo", "HTTPOrigin", "TestSupport"],
        products: [.nioCore, .nioHTTP1, .nioPosix]),
    Module(
        name: "SwarmTests", kind: .tests,
        uses: [
            "Text", "Address", "Hashing", "Metainfo", "Threads", "Admission", "Reactor", "Storage", "HTTPOrigin",
            "Tracking",
            "TrackerClient", "PeerWire", "SwarmCore", "Swarm", "TestFileLayers", "TestSupport", "VirtualNetwork",
        ], products: [.log]),
    Module(name: "PolicyTests", kind: .tests, uses: ["Text", "Policy"]),
    Module(name: "BFTTests", kind: .tests, uses: ["Text", "Address", "JSON", "Settings", "Policy", "BFT"]),
    Module(
        name: "BlobsTests", kind: .tests,
        uses: ["Hashing", "Metainfo", "Files", "Blobs", "TestFileLayers", "TestSupport"]),
    Module(
        name: "BlobNodeTests", kind: .tests,
        uses: [
            "Address", "Hashing", "Metainfo", "Files", "Blobs", "Swarm", "BlobNode", "TestFileLayers", "TestSupport",
        ],
        products: [.log]),
    Module(
        name: "UpkeepTests", kind: .tests,
        uses: [
            "Text", "Hashing", "Files", "Blobs", "Swarm", "Registry", "Backends", "BlobNode", "ColdStore", "Upkeep",
            "TestSupport",
        ], products: [.log, .nioCore]),
    Module(
        name: "OriginTests", kind: .tests,
        uses: [
            "Text", "Address", "Hashing", "Metainfo", "Threads", "Admission", "Blobs", "Swarm", "Registry", "NameIndex",
            "BlobNode", "RegistryClient", "RegistryAccess", "Origin", "TestSupport",
        ], products: [.log, .nioCore]),
    Module(name: "DatabaseTests", kind: .tests, uses: ["Database", "TestSupport"], products: [.grdb]),
    Module(
        name: "NameIndexTests", kind: .tests,
        uses: [
            "Address", "JSON", "Hashing", "Database", "Admission", "HTTPServing", "Registry", "RegistryAccess",
            "NameIndex", "TestSupport",
        ], products: [.grdb, .hummingbird, .log]),
    Module(name: "RegistryTests", kind: .tests, uses: ["Text", "JSON", "Hashing", "Metainfo", "Registry"]),
    Module(
        name: "RegistrySettingsTests", kind: .tests,
        uses: ["Text", "Address", "Settings", "RegistrySettings"]),
    Module(
        name: "RegistryClientTests", kind: .tests,
        uses: ["Text", "HTTPTransport", "Registry", "RegistryClient", "TestSupport"], products: [.nioCore]),
    Module(
        name: "RegistryTransferTests", kind: .tests,
        uses: [
            "Text", "Hashing", "Metainfo", "Files", "Storage", "Authoring", "HTTPTransport", "Registry",
            "RegistryClient",
            "RegistryTransfer", "TestSupport",
        ]),
    Module(
        name: "AgentTests", kind: .tests,
        uses: [
            "Text", "Address", "JSON", "Hashing", "Metainfo", "Threads", "Files", "Admission", "Blobs", "Swarm",
            "HTTPServing", "Registry", "NameIndex", "BlobNode", "RegistryClient", "RegistryTransfer", "RegistryAccess",
            "OCI", "Origin", "Agent", "RegistryWatch", "TestSupport",
        ], products: [.log]),
    Module(
        name: "RegistryAccessTests", kind: .tests,
        uses: [
            "Text", "Address", "Hashing", "Admission", "Blobs", "HTTPTransport", "HTTPServing", "Swarm", "Registry",
            "NameIndex", "BlobNode", "RegistryClient", "RegistryAccess", "Origin", "TestSupport",
        ], products: [.log]),
    Module(
        name: "OriginClusterTests", kind: .tests,
        uses: [
            "Text", "Address", "JSON", "Hashing", "Metainfo", "Threads", "Admission", "Blobs", "SwarmCore", "Swarm",
            "HTTPTransport", "Registry",
            "Backends",
            "BlobNode", "ColdStore", "RegistryClient", "RegistryAccess", "OCI", "OriginCluster", "Agent", "TestSupport",
        ], products: [.log, .nioCore, .nioHTTP1]),
    Module(name: "S3Tests", kind: .tests, uses: ["S3"]),
    Module(
        name: "ColdStoreTests", kind: .tests,
        uses: [
            "Text", "Address", "Hashing", "Metainfo", "Files", "Admission", "Blobs", "Swarm", "Registry", "Backends",
            "TestFS",
            "BlobNode", "ColdStore", "TestSupport",
        ], products: [.log, .nioCore]),
    Module(
        name: "BackendsTests", kind: .tests,
        uses: [
            "Text", "Address", "Files", "Admission", "HTTPTransport", "S3", "ObjectStore", "Registry", "Backends",
            "TestFS", "TestSupport",
        ], products: [.log, .nioCore, .nioHTTP1]),
    Module(
        name: "ObjectStoreTests", kind: .tests,
        uses: ["Hashing", "Bencode", "Metainfo", "HTTPOrigin", "S3", "ObjectStore", "TestSupport"],
        products: [.nioCore, .nioHTTP1, .nioPosix]),
    Module(
        name: "HashLibraryTests", kind: .tests,
        uses: ["Hashing", "Threads", "Files", "HashLibrary", "TestFileLayers", "TestSupport"]),
    Module(
        name: "JobsTests", kind: .tests,
        uses: [
            "Address", "Hashing", "Metainfo", "Files", "Authoring", "HTTPOrigin", "Swarm", "Policy", "Jobs",
            "TestFileLayers", "TestSupport",
        ], products: [.log, .nioCore]),
    Module(
        name: "NodeTests", kind: .tests,
        uses: [
            "Text", "Address", "JSON", "Hashing", "Metainfo", "Threads", "Authoring", "HTTPTransport", "Policy", "BFT",
            "Jobs",
            "Node", "NodeAPI", "TestFileLayers", "TestSupport",
        ]),
    Module(
        name: "HTTPServingTests", kind: .tests,
        uses: ["HTTPServing", "Address", "Admission", "JSON", "Text", "TestSupport"],
        products: [.hummingbird, .log, .nioCore, .nioEmbedded, .nioHTTP1, .nioPosix]),
    Module(
        name: "NodeAPITests", kind: .tests,
        uses: [
            "Text", "Address", "JSON", "MetricFamilies", "Admission", "HTTPServing", "Policy", "BFT", "Jobs", "NodeAPI",
            "TestSupport",
        ]),
    Module(
        name: "CommandTests", kind: .tests,
        uses: [
            "Text", "Metainfo", "Storage", "Authoring", "HTTPTransport", "Tracking", "SwarmCore", "Registry",
            "RegistryClient", "swoop", "TestSupport",
        ],
        products: [.argumentParser]),
    Module(name: "IntegrationTests", kind: .tests, uses: ["Text", "Hashing", "Metainfo", "TestSupport"]),
]

/// Where the sources of each target lie.
let paths = Dictionary(
    uniqueKeysWithValues: layers.flatMap { layer in layer.modules.map { ($0.name, "Sources/\(layer.name)/\($0.name)") }
    } + testing.map { ($0.name, "Testing/\($0.name)") })

let modules = layers.flatMap(\.modules) + testing + tests

/// `SWOOP_ONLY=Bencode,MetainfoTests` keeps those targets and what they use: a sanitizer run of the pure targets then
/// builds none of the packages that only the shells need. With `SWOOP_WITHOUT_CRYPTO=1` what the processor has no instructions
/// for is hashed in plain Swift, and needs no package either.
let hasCrypto = Context.environment["SWOOP_WITHOUT_CRYPTO"] == nil
let chosen: [Module] = {
    guard let only = Context.environment["SWOOP_ONLY"] else { return modules }
    var wanted = Set(only.split(separator: ",").map(String.init))
    for module in modules.reversed() where wanted.contains(module.name) { wanted.formUnion(module.uses) }
    return modules.filter { wanted.contains($0.name) }.map { module in
        var module = module
        if module.name == "Hashing", !hasCrypto { module.products = [] }
        return module
    }
}()

/// Swift 6.3 without optimisation goes on reading what a `_read` accessor yields after the accessor has ended, when that is
/// a method's call on a structure of more than some ten fields: memory that may be another thread's by then
/// (swiftlang/swift#89836, mended in 6.4). This turns the step off that does it.
let debugSettings: [SwiftSetting] = [
    .unsafeFlags(["-Xfrontend", "-disable-large-loadable-types-reg2mem"], .when(configuration: .debug))
]

/// `SWOOP_TESTABLE=1` makes a release build with tests, which may see the whole of what they import as @testable. The tests
/// themselves are built without optimisation, which they are not worth: one build serves the program and its tests.
let isTestable = Context.environment["SWOOP_TESTABLE"] != nil
let seenWhole: Set = ["Control", "Swarm", "swoop"]
func settings(_ module: Module) -> [SwiftSetting] {
    // The package may have been built there before.
    if module.name == "Hashing", !hasCrypto { return debugSettings + [.define("WITHOUT_CRYPTO")] }
    guard isTestable else { return debugSettings }
    if module.kind == .tests {
        let flags = ["-Onone", "-Xfrontend", "-disable-large-loadable-types-reg2mem"]
        return debugSettings + [.unsafeFlags(flags, .when(configuration: .release))]
    }
    guard seenWhole.contains(module.name) else { return debugSettings }
    return debugSettings + [.unsafeFlags(["-enable-testing"], .when(configuration: .release))]
}

let package = Package(
    name: "swoop",
    dependencies: Dictionary(chosen.flatMap(\.products).map { ($0.package.url, $0.package.version) }) { first, _ in
        first
    }
    .sorted { $0.key < $1.key }.map { .package(url: $0.key, from: $0.value) },
    targets: chosen.map { module in
        let dependencies = module.uses.map { Target.Dependency.target(name: $0) } + module.products.map(\.dependency)
        return switch module.kind {
        case .c: .target(name: module.name, path: paths[module.name], cSettings: [.unsafeFlags(["-O3"])])
        case .library:
            .target(
                name: module.name, dependencies: dependencies, path: paths[module.name], swiftSettings: settings(module)
            )
        case .executable:
            .executableTarget(
                name: module.name, dependencies: dependencies, path: paths[module.name], swiftSettings: settings(module)
            )
        case .tests:
            .testTarget(name: module.name, dependencies: dependencies, swiftSettings: settings(module))
        }
    },
    swiftLanguageModes: [.v6])
