import Fleet
import FleetAgent
import Hashing
import JSON
import TestSupport
import Testing
import Text

/// A digital cinema package as small as one can be, and whole unless a test damages it.
private struct Package {
    static let names = (map: "ASSETMAP.xml", list: "PKL_1.xml", picture: "pic_r1.mxf", sound: "sound/snd_r1.mxf")

    let directory: TemporaryDirectory
    let place: String

    init(in directory: TemporaryDirectory, at place: String) throws {
        self.directory = directory
        self.place = place
        try directory.makeDirectory(place)
        try directory.makeDirectory("\(place)/sound")
        let files = [
            ("2", Self.names.picture, randomBytes(300_000, seed: 1)),
            ("3", Self.names.sound, randomBytes(90_000, seed: 2)),
        ]
        for (_, name, bytes) in files { try write(name, bytes) }
        let assets = files.map { id, _, bytes in
            "<Asset><Id>urn:uuid:\(id)</Id><Hash>\(Base64.encode(SHA1.digest(bytes).bytes))</Hash>"
                + "<Size>\(bytes.count)</Size><Type>application/mxf</Type></Asset>"
        }
        let list = Array(
            ("<?xml version=\"1.0\"?><PackingList xmlns=\"http://www.smpte-ra.org/schemas/429-8/2007/PKL\">"
                + "<Id>urn:uuid:1</Id><AssetList>\(assets.joined())</AssetList></PackingList>").utf8)
        try write(Self.names.list, list)
        let entries = [("1", Self.names.list, list.count)] + files.map { ($0.0, $0.1, $0.2.count) }
        let map = entries.map { id, path, count in
            "<Asset><Id>URN:UUID:\(id)</Id>\(id == "1" ? "<PackingList>true</PackingList>" : "")<ChunkList><Chunk>"
                + "<Path>\(path)</Path><VolumeIndex>1</VolumeIndex><Offset>0</Offset><Length>\(count)</Length>"
                + "</Chunk></ChunkList></Asset>"
        }
        try write(
            Self.names.map,
            Array(
                ("<?xml version=\"1.0\"?><AssetMap xmlns=\"http://www.smpte-ra.org/schemas/429-9/2007/AM\">"
                    + "<AssetList>\(map.joined())</AssetList></AssetMap>").utf8))
    }

    func write(_ name: String, _ bytes: [UInt8]) throws { try directory.write("\(place)/\(name)", bytes) }

    func change(_ name: String, _ from: String, to: String) throws {
        let text = String(decoding: directory.read("\(place)/\(name)") ?? [], as: UTF8.self)
        try write(name, Array(text.split(separator: from, omittingEmptySubsequences: false).joined(separator: to).utf8))
    }

    var problems: [String] { DigitalCinemaCheck.problems(of: directory.path(place)).map(\.description) }
}

@Suite struct DigitalCinemaTests {
    private func with(_ body: (Package) throws -> Void) throws {
        let directory = try TemporaryDirectory()
        try body(Package(in: directory, at: "film"))
    }

    @Test func `a package whose asset map and packing list hold is whole`() throws {
        try with { #expect($0.problems.isEmpty) }
    }

    @Test func `what is wrong is named by its file`() throws {
        try with { package in
            var bytes = randomBytes(300_000, seed: 1)
            bytes[1234] ^= 1
            try package.write(Package.names.picture, bytes)
            #expect(package.problems == ["pic_r1.mxf: is not what the packing list's SHA-1 says"])
        }
        try with { package in
            try package.write(Package.names.sound, randomBytes(89_999, seed: 2))
            #expect(package.problems.allSatisfy { $0.hasPrefix("sound/snd_r1.mxf: has 89999 bytes") })
            #expect(!package.problems.isEmpty)
        }
        try with { package in
            try package.change(Package.names.map, Package.names.sound, to: "sound/other.mxf")
            #expect(package.problems.first == "sound/other.mxf: is missing; the asset map has it")
        }
        try with { package in
            try package.change(Package.names.map, "<PackingList>true</PackingList>", to: "")
            #expect(package.problems == ["ASSETMAP.xml: names no packing list"])
        }
        try with { package in
            try package.change(Package.names.list, "urn:uuid:3", to: "urn:uuid:4")
            let problem = try #require(package.problems.first { $0.hasPrefix("PKL_1.xml: ") })
            #expect(problem.contains("urn:uuid:4"))
        }
    }

    @Test func `a package from outside can harm nobody`() throws {
        try with { package in
            try package.change(Package.names.map, Package.names.picture, to: "../../etc/passwd")
            #expect(package.problems.contains { $0.contains("has no path in the package") })
        }
        try with { package in
            let deep = String(repeating: "<a>", count: 200_000)
            for text in [
                "", "no XML", "<AssetMap>", "<!DOCTYPE x [<!ENTITY a \"b\">]><AssetMap>&a;</AssetMap>", deep,
                "<Other></Other>",
            ] {
                try package.write(Package.names.map, Array(text.utf8))
                #expect(package.problems.count == 1 && package.problems[0].hasPrefix("ASSETMAP.xml: "))
            }
        }
        let empty = try TemporaryDirectory()
        #expect(DigitalCinemaCheck.problems(of: empty.path).map(\.file) == ["ASSETMAP.xml"])
    }

    @Test func `with 'verify: dcp' a whole package arrives, and a damaged one does not leave`() async throws {
        try await inDirectory { place in
            let control = TestControl(terms: ["dest": "app", "verify": "dcp"])
            let sender = try TestHost(1, control, in: TemporaryDirectory(in: place.path))
            let receiver = try TestHost(2, control, in: TemporaryDirectory(in: place.path))
            for host in [sender, receiver] { try await host.start() }
            do {
                for name in ["whole", "damaged"] {
                    let package = try Package(in: sender.directory, at: "source/\(name)")
                    if name == "damaged" { try package.write(Package.names.picture, [1]) }
                    let order = SendOrder(className: "app", path: sender.directory.path("source/\(name)"))
                    let job = try await sender.agent.send(order).plan.job
                    if name == "whole" {
                        try await wait(for: "delivery") { control.has("delivered", of: receiver.node) }
                    } else {
                        try await wait(for: "the refusal") { control.state.withLock { $0.jobs[job]?.abandoned != nil } }
                        let reason = control.state.withLock { $0.jobs[job]?.abandoned }
                        #expect(reason?.contains("pic_r1.mxf") == true)
                    }
                }
            } catch {
                for host in [sender, receiver] { await host.stop() }
                throw error
            }
            for host in [sender, receiver] { await host.stop() }
        }
    }
}
