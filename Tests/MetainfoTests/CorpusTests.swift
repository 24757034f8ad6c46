import Glibc
import Metainfo
import TestSupport
import Testing

/// Torrents made by other programs, and bad ones: the corpus of the fuzz target.
@Suite struct CorpusTests {
    /// Every file of the corpus, by name.
    private func corpus() throws -> [(name: String, bytes: [UInt8])] {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let directory = root + "/Fuzz/metainfo/corpus"
        var found: [(String, [UInt8])] = []
        for entry in TemporaryDirectory.names(directory.utf8CString.map { $0 }) {
            let name = String(decoding: entry.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard !name.hasPrefix(".") else { continue }
            let file = try #require(fopen("\(directory)/\(name)", "r"))
            defer { fclose(file) }
            var buffer = [UInt8](repeating: 0, count: 1 << 17)
            let count = fread(&buffer, 1, buffer.count, file)
            found.append((name, Array(buffer[..<count])))
        }
        return found.sorted { $0.0 < $1.0 }
    }

    @Test func `torrents of other programs are read`() throws {
        let good = try corpus().filter { $0.name.hasSuffix(".torrent") && !$0.name.hasPrefix("bad-") }
        #expect(good.count == 12)
        for (name, bytes) in good {
            let torrent = try Torrent.parse(bytes)
            let isSingle = name.contains("-one")
            #expect(torrent.info.isSingleFile == isSingle, "\(name)")
            #expect(torrent.info.isPrivate == isSingle, "\(name)")
            #expect(torrent.info.layout.totalLength == (isSingle ? 50000 : 56392), "\(name)")
            #expect(torrent.info.version.hasV2 == (name.contains("v2") || name.contains("hybrid")), "\(name)")
            #expect(!torrent.trackers.isEmpty, "\(name)")
            #expect(torrent.pieceHashes.filesMissingLayers.isEmpty == !name.contains("no-layers"), "\(name)")
            // Transmission keeps no executable bit and leaves out empty files; mktorrent keeps no executable bit.
            let executables = torrent.info.layout.files.filter(\.isExecutable).map(\.path.display)
            #expect(executables == (name.hasPrefix("libtorrent-d") ? ["b.sh"] : []), "\(name)")
            let again = try Torrent.parse(torrent.encode())
            #expect(again.info.hashes == torrent.info.hashes && again.trackers == torrent.trackers, "\(name)")
            #expect(try Info.parse(torrent.info.bytes).layout == torrent.info.layout, "\(name)")
        }
    }

    @Test func `bad torrents are refused`() throws {
        let bad = try corpus().filter { $0.name.hasPrefix("bad-") }
        #expect(bad.count > 20)
        for (name, bytes) in bad {
            #expect(throws: MetainfoError.self, "\(name)") { try Torrent.parse(bytes) }
        }
    }
}
