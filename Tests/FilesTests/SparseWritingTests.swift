import Files
import Glibc
import Testing

@Suite struct `Sparse writing` {
    @Test func `keeps what is written, and zeros take no space`() throws {
        let place = try Place()
        let file = try HeldFile(place.path("sparse"), [.write, .create])
        var content: [UInt8] = []
        for part in [
            [UInt8](repeating: 7, count: 5_000), [UInt8](repeating: 0, count: 1 << 20), [1, 0, 0],
            [UInt8](repeating: 0, count: 10), [UInt8](repeating: 0, count: 70_001),
        ] {
            try part.withUnsafeBytes { try file.append($0, at: Int64(content.count)) }
            content += part
        }
        #expect(try HeldFile(place.path("sparse")).readAll(limit: 1 << 22) == content)
        var status = stat()
        #expect(stat(place.files.path("sparse"), &status) == 0 && status.st_blocks * 512 < 64 << 10)
    }

    @Test func `writes zeros over what a failed write left`() throws {
        let place = try Place()
        let file = try HeldFile(place.path("sparse"), [.write, .create])
        try [UInt8](repeating: 9, count: 30_000).withUnsafeBytes { try file.append($0, at: 0) }
        try [UInt8](repeating: 0, count: 20_000).withUnsafeBytes { try file.append($0, at: 0) }
        #expect(try HeldFile(place.path("sparse")).readAll(limit: 1 << 20) == [UInt8](repeating: 0, count: 20_000))
    }

    @Test func `is right about zeros wherever something else stands`() {
        for count in [1, 2, 7, 8, 9, 4_096] {
            var bytes = [UInt8](repeating: 0, count: count)
            let isZero = bytes.withUnsafeBytes { $0.isZero }
            #expect(isZero)
            bytes[count - 1] = 1
            let isOther = !bytes.withUnsafeBytes { $0.isZero }
            #expect(isOther)
        }
        let isNothing = [UInt8]().withUnsafeBytes { $0.isZero }
        #expect(isNothing)
    }
}
