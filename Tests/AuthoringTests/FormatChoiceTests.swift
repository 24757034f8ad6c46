import Authoring
import Metainfo
import Testing

@Suite struct FormatChoiceTests {
    private let mebibyte: Int64 = 1 << 20

    @Test func `few large files are a hybrid with pieces by size`() {
        let choice = FormatChoice(lengths: [700 * mebibyte, 5, 1300 * mebibyte, 100])
        #expect(choice.version == .hybrid)
        #expect(choice.pieceLength == PieceLength.automatic(totalLength: 2000 * mebibyte + 105))
        #expect(choice.reason == nil)
        #expect(FormatChoice(lengths: [3]).reason == nil)
        #expect(FormatChoice(lengths: [0, 5, 0]).version == .hybrid)
        #expect(FormatChoice(lengths: []).version == .hybrid)
    }

    @Test func `very many small files are v1`() {
        let choice = FormatChoice(lengths: [Int64](repeating: 700, count: 90_000))
        #expect(choice.version == .v1)
        #expect(choice.pieceLength == PieceLength.automatic(totalLength: 63_000_000))
        let padding = (Int64(choice.pieceLength) - 700) * 89_999
        #expect(choice.reason == .v1(pieceLength: choice.pieceLength, padding: padding))
    }

    @Test func `smaller pieces are taken where they help and no smaller than needed`() {
        // 200,000 bytes and 16 KiB pieces: 6 % of padding; with 32 KiB pieces it would be 15 %.
        let small = FormatChoice(lengths: [Int64](repeating: 200_000, count: 1000))
        #expect(small.version == .hybrid && small.pieceLength == 16 << 10)
        guard case .smallerPieces(let usual, let padding) = small.reason else { return #expect(Bool(false)) }
        #expect(usual == 256 << 10)
        #expect(padding == (262_144 - 200_000) * 999)
        // Files of 3.1 MiB with pieces of 2 MiB by size: 256 KiB is short enough, 512 KiB is not.
        let large = FormatChoice(lengths: [Int64](repeating: 3_250_000, count: 1000))
        #expect(PieceLength.automatic(totalLength: 3_250_000_000) == 2 << 20)
        #expect(large.version == .hybrid && large.pieceLength == 256 << 10)
    }

    @Test func `where the padding is a tenth at most nothing changes`() {
        // Two files of 10 pieces but a tenth of a piece, and so on: just below the tenth.
        let piece: Int64 = 256 << 10
        let below = [Int64](repeating: piece * 10 - piece * 9 / 10, count: 40)
        #expect(FormatChoice(lengths: below).reason == nil)
        let above = [Int64](repeating: piece - piece / 8, count: 400)
        #expect(FormatChoice(lengths: above).reason != nil)
    }

    @Test func `a few small files are not worth a word`() {
        #expect(FormatChoice(lengths: [5, 700, 90, 12]).reason == nil)
        #expect(FormatChoice(lengths: [5, 700, 90, 12]).version == .hybrid)
        // Some more make pieces smaller, and stay a hybrid.
        let some = FormatChoice(lengths: [Int64](repeating: 1000, count: 20))
        #expect(some.version == .hybrid && some.pieceLength < 256 << 10)
    }

    @Test func `what is asked for is done`() {
        let many = [Int64](repeating: 700, count: 90_000)
        let hybrid = FormatChoice(lengths: many, version: .hybrid)
        #expect(hybrid.version == .hybrid && hybrid.pieceLength == 16 << 10)
        #expect(hybrid.reason == .padded(padding: (16384 - 700) * 89_999))
        let both = FormatChoice(lengths: many, version: .hybrid, pieceLength: 1 << 20)
        #expect(both.version == .hybrid && both.pieceLength == 1 << 20)
        let length = FormatChoice(lengths: many, pieceLength: 64 << 10)
        #expect(length.version == .v1 && length.pieceLength == 64 << 10)
        let helped = FormatChoice(lengths: [Int64](repeating: 200_000, count: 1000), pieceLength: 256 << 10)
        #expect(helped.version == .v1 && helped.pieceLength == 256 << 10)
    }

    @Test func `v1 and v2 have no padding that is stored or hashed`() throws {
        let many = [Int64](repeating: 700, count: 1000)
        for version in [Info.Version.v1, .v2] {
            let choice = FormatChoice(lengths: many, version: version)
            #expect(choice.version == version && choice.pieceLength == 256 << 10 && choice.reason == nil)
            let files = try (0..<many.count).map {
                TorrentBuilder.File(path: try SafePath("\($0)"), length: many[$0])
            }
            let builder = try TorrentBuilder(
                name: try PathComponent("d"), files: files, pieceLength: choice.pieceLength, version: version)
            let padding = builder.layout.files.filter(\.isPadding)
            #expect(padding.isEmpty)
            #expect(ContentLine(builder.layout).byteCount == 700_000)
        }
    }

    @Test func `pieces do not become too many`() {
        // 16 KiB would do, and would make 700,000 pieces.
        let choice = FormatChoice(lengths: [Int64](repeating: 100_000, count: 100_000))
        #expect(choice.version == .v1)
        let hybrid = FormatChoice(lengths: [Int64](repeating: 100_000, count: 100_000), version: .hybrid)
        #expect(hybrid.version == .hybrid && hybrid.pieceLength >= 64 << 10)
    }

    @Test func `no length overflows`() {
        let choice = FormatChoice(lengths: [.max, .max, 1])
        #expect(choice.version == .hybrid)
        #expect(choice.pieceLength == 16 << 20)
    }
}
