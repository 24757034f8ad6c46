import Blobs
import Files
import Foundation
import Glibc
import Hashing
import Metainfo
import TestFileLayers
import TestSupport
import Testing

@Suite struct BlobUploadTests {
    private func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

    private func append(_ bytes: ArraySlice<UInt8>, to upload: BlobUpload) throws {
        try upload.enter(at: nil)
        defer { upload.leave() }
        try bytes.withUnsafeBytes { bytes in Result { try upload.append([bytes]) } }.get()
    }

    /// An upload of a process that has gone.
    /// - Parameters:
    ///   - bytes: what is durable.
    ///   - rest: what was appended after that.
    /// - Returns: its id.
    private func left(
        _ bytes: ArraySlice<UInt8>, thenLosing rest: ArraySlice<UInt8> = [], size: Int64? = nil,
        on layer: MemoryFileLayer
    ) throws -> String {
        let upload = try BlobUpload(in: try BlobDirectory(path: "/b", layer: layer), size: size)
        try append(bytes, to: upload)
        try upload.pause()
        try append(rest, to: upload)
        return upload.id
    }

    @Test func `what arrives in parts becomes a file whose name is its digest`() throws {
        let directory = try TemporaryDirectory()
        let blobs = try BlobDirectory(path: directory.path)
        let bytes = bytes(300_000)
        let digest = SHA256.digest(bytes)
        let upload = try BlobUpload(in: blobs)
        for start in stride(from: 0, to: bytes.count, by: 70_001) {
            try append(bytes[start..<min(start + 70_001, bytes.count)], to: upload)
        }
        #expect(try blobs.size(of: digest) == nil)
        let finished = try upload.finish(digest)
        #expect(finished.digest == digest && finished.size == 300_000)
        let info = try #require(finished.info)
        #expect(info.digest == digest && info.info.layout.pieceCount == 2)
        #expect(try BlobReader.info(of: digest, in: blobs)?.info.bytes == info.info.bytes)
        #expect(try blobs.info(of: digest) == info.info.bytes)
        #expect(try blobs.open(digest)?.readAll(limit: 1 << 20) == bytes)
        #expect(blobs.path(of: digest).hasSuffix("/\(digest.hex)"))
        var all: [SHA256Digest] = []
        try blobs.forEach { digest, _ in all.append(digest) }
        #expect(all == [digest])
        #expect(try blobs.remove(digest))
        #expect(try blobs.size(of: digest) == nil)
        #expect(try !blobs.remove(digest))
    }

    /// The torrent that is made while bytes arrive in parts of any length is the one that is made of all of them.
    @Test(arguments: [1, 64, 1_000, 1 << 20])
    func `the torrent does not depend on how the bytes arrive`(partBytes: Int) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let blobs = try BlobDirectory(path: directory.path)
        let count = partBytes == 1 ? 70_000 : 65 << 20 | 17
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            for index in 0..<count { buffer[index] = UInt8(truncatingIfNeeded: index &* 7 &+ index >> 10) }
            initialized = count
        }
        guard partBytes != 64 && partBytes != 1_000 || count < 1 << 20 else {
            return try expectSame(Array(bytes[..<300_001]), partBytes, blobs)
        }
        try expectSame(bytes, partBytes, blobs)
    }

    @Test(arguments: [0, 1, 300_001, 100 << 20]) func `a size that is said wrong changes nothing`(said: Int64) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let blobs = try BlobDirectory(path: directory.path)
        let bytes = bytes(300_001)
        let upload = try BlobUpload(in: blobs, size: said)
        try append(bytes[...], to: upload)
        let info = try #require(try upload.finish(SHA256.digest(bytes)).info)
        #expect(info.info.layout.pieceLength == 256 << 10)
        #expect(try BlobReader.info(of: SHA256.digest(bytes), in: blobs)?.info.bytes == info.info.bytes)
    }

    /// A request says how much it brings, and may end before.
    @Test(arguments: [0, 300_001, 100 << 20, .max], [false, true])
    func `a request that brings less than it says changes nothing`(said: Int64, isLast: Bool) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let blobs = try BlobDirectory(path: directory.path)
        let bytes = bytes(300_001)
        var upload = try BlobUpload(in: blobs)
        try upload.enter(at: 0, bringing: said, isLast: isLast)
        try bytes[..<200_000].withUnsafeBytes { bytes in Result { try upload.append([bytes]) } }.get()
        upload.leave()
        try upload.pause()
        upload = try #require(try BlobUpload(resuming: upload.id, in: blobs))
        try append(bytes[200_000...], to: upload)
        let info = try #require(try upload.finish(SHA256.digest(bytes)).info)
        #expect(info.info.layout.pieceLength == 256 << 10)
        #expect(try BlobReader.info(of: SHA256.digest(bytes), in: blobs)?.info.bytes == info.info.bytes)
    }

    private func expectSame(_ bytes: [UInt8], _ partBytes: Int, _ blobs: BlobDirectory) throws {
        let upload = try BlobUpload(in: blobs)
        for start in stride(from: 0, to: bytes.count, by: partBytes) {
            try append(bytes[start..<min(start + partBytes, bytes.count)], to: upload)
        }
        let info = try #require(try upload.finish(SHA256.digest(bytes)).info)
        let pieceLength = BlobPieceLengths.standard.pieceLength(for: Int64(bytes.count))
        #expect(info.info.layout.pieceLength == pieceLength)
        var pieces: [UInt8] = []
        var stream = SHA256Stream()
        var states: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: pieceLength) {
            if start > 0 { states += try #require(stream.state).bytes }
            let piece = Array(bytes[start..<min(start + pieceLength, bytes.count)])
            pieces += SHA1.digest(piece).bytes
            stream.update(piece)
        }
        let expected = try BlobInfo(
            digest: stream.digest, length: Int64(bytes.count), pieceLength: pieceLength, pieces: pieces, states: states)
        #expect(info.info.bytes == expected.info.bytes)
    }

    @Test func `an empty blob is one too`() throws {
        let directory = try TemporaryDirectory()
        let blobs = try BlobDirectory(path: directory.path)
        let digest = SHA256.digest([])
        #expect(try BlobUpload(in: blobs).finish(digest).size == 0)
        #expect(try blobs.size(of: digest) == 0)
    }

    @Test func `bytes of another digest leave nothing`() throws {
        let layer = MemoryFileLayer()
        let blobs = try BlobDirectory(path: "/b", layer: layer)
        let upload = try BlobUpload(in: blobs)
        try append(bytes(10)[...], to: upload)
        #expect(throws: UploadProblem.wrongDigest(found: SHA256.digest(bytes(10)))) {
            try upload.finish(SHA256.digest([1]))
        }
        #expect(!layer.exists("/b/uploads/\(upload.id)"))
        #expect(throws: UploadProblem.unknown) { try upload.enter(at: nil) }
    }

    @Test func `only one sends to an upload at a time, and where it ends`() throws {
        let blobs = try BlobDirectory(path: "/b", layer: MemoryFileLayer())
        let upload = try BlobUpload(in: blobs)
        try append(bytes(10)[...], to: upload)
        #expect(throws: UploadProblem.gap(expected: 10)) { try upload.enter(at: 9) }
        try upload.enter(at: 10)
        #expect(throws: UploadProblem.busy) { try upload.enter(at: nil) }
        upload.leave()
        try upload.enter(at: nil)
    }

    @Test(arguments: 0..<12)
    func `after a crash an upload goes on with what was durable`(seed: UInt64) throws {
        let loss = seed == 0 ? MemoryFileLayer.Loss.everything : .random(seed: seed)
        let layer = MemoryFileLayer()
        let bytes = bytes(50_000)
        let id = try left(bytes[..<20_000], thenLosing: bytes[20_000..<40_000], on: layer)
        layer.crash(loss)
        let blobs = try BlobDirectory(path: "/b", layer: layer)
        let upload = try #require(try BlobUpload(resuming: id, in: blobs))
        #expect(upload.length == 20_000)
        try append(bytes[20_000...], to: upload)
        let digest = SHA256.digest(bytes)
        _ = try upload.finish(digest)
        layer.crash(loss)
        let after = try BlobDirectory(path: "/b", layer: layer)
        #expect(try after.open(digest)?.readAll(limit: 1 << 20) == bytes)
    }

    @Test func `nothing is added to a blob after its end, though a request to its upload is still under way`() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let blobs = try BlobDirectory(path: directory.path)
        let bytes = bytes(5_000)
        let digest = SHA256.digest(bytes)
        let upload = try BlobUpload(in: blobs)
        try append(bytes[...], to: upload)
        try upload.enter(at: nil)
        _ = try upload.finish(digest)
        #expect(throws: UploadProblem.unknown) {
            try [7, 7, 7].withUnsafeBytes { bytes in Result { try upload.append([bytes]) } }.get()
        }
        #expect(try blobs.open(digest)?.readAll(limit: 1 << 20) == bytes)
        // Until it is forgotten, whoever asks is told that the upload is in use.
        #expect(throws: UploadProblem.busy) { try upload.enter(at: nil) }
        #expect(throws: UploadProblem.busy) { try upload.finish(digest) }
    }

    @Test func `an upload that two requests take up at once loses nothing`() throws {
        let layer = MemoryFileLayer()
        let bytes = bytes(50_000)
        let digest = SHA256.digest(bytes)
        let id = try left(bytes[..<20_000], on: layer)
        let blobs = try BlobDirectory(path: "/b", layer: layer)
        let upload = try #require(try BlobUpload(resuming: id, in: blobs))
        try append(bytes[20_000..<40_000], to: upload)
        // The other one has stood still since it read the note.
        #expect(try BlobUpload(resuming: id, in: blobs)?.length == 20_000)
        try append(bytes[40_000...], to: upload)
        _ = try upload.finish(digest)
        #expect(try blobs.open(digest)?.readAll(limit: 1 << 20) == bytes)
    }

    @Test func `what lies behind the last durable byte is no part of the blob`() throws {
        let layer = MemoryFileLayer()
        let bytes = bytes(50_000)
        let id = try left(bytes[..<20_000], thenLosing: bytes[20_000...], on: layer)
        let blobs = try BlobDirectory(path: "/b", layer: layer)
        let upload = try #require(try BlobUpload(resuming: id, in: blobs))
        let digest = SHA256.digest(Array(bytes[..<20_000]))
        #expect(try upload.finish(digest).size == 20_000)
        #expect(try blobs.open(digest)?.readAll(limit: 1 << 20) == Array(bytes[..<20_000]))
    }

    /// The registry was killed after it had confirmed the last bytes, which were not durable, and the sender ends the upload.
    @Test func `an upload that lost its end in a crash says where it goes on when it is to end`() throws {
        let layer = MemoryFileLayer()
        let bytes = bytes(50_000)
        let digest = SHA256.digest(bytes)
        let id = try left(bytes[..<20_000], thenLosing: bytes[20_000...], size: 50_000, on: layer)
        layer.crash(.everything)
        let blobs = try BlobDirectory(path: "/b", layer: layer)
        let upload = try #require(try BlobUpload(resuming: id, in: blobs))
        #expect(throws: UploadProblem.gap(expected: 20_000)) { try upload.finish(digest) }
        try append(bytes[20_000...], to: upload)
        #expect(try upload.finish(digest).size == 50_000)
    }

    @Test(arguments: FaultyFileLayer.Operation.allCases)
    func `a disk that fails at any operation never gives wrong bytes a name`(operation: FaultyFileLayer.Operation)
        throws
    {
        let bytes = bytes(5_000)
        let digest = SHA256.digest(bytes)
        for count in 0..<8 {
            let memory = MemoryFileLayer()
            let layer = FaultyFileLayer(memory)
            layer.fail([operation], with: EIO, afterCalls: count)
            var isDone = false
            if let blobs = try? BlobDirectory(path: "/b", layer: layer), let upload = try? BlobUpload(in: blobs),
                (try? append(bytes[...], to: upload)) != nil
            {
                isDone = (try? upload.finish(digest)) != nil
            }
            layer.heal()
            memory.crash(.everything)
            let blobs = try BlobDirectory(path: "/b", layer: memory)
            let stored = try blobs.open(digest)?.readAll(limit: 1 << 20)
            #expect(stored == nil || stored == bytes)
            if isDone { #expect(stored == bytes) }
        }
    }

    /// A sync that fails leaves directories behind that are there and not durable.
    @Test(arguments: 0..<16) func `a blob that is pushed again after a sync failed survives a crash`(count: Int) throws
    {
        let memory = MemoryFileLayer()
        let layer = FaultyFileLayer(memory)
        let bytes = bytes(5_000)
        let digest = SHA256.digest(bytes)
        let blobs = try BlobDirectory(path: "/b", layer: layer)
        layer.fail([.synchronize], with: EIO, afterCalls: count, times: 1)
        var isDone = false
        for _ in 0..<2 where !isDone {
            guard let upload = try? BlobUpload(in: blobs), (try? append(bytes[...], to: upload)) != nil else {
                continue
            }
            isDone = (try? upload.finish(digest)) != nil
        }
        #expect(isDone)
        memory.crash(.everything)
        #expect(try BlobDirectory(path: "/b", layer: memory).open(digest)?.readAll(limit: 1 << 20) == bytes)
    }

    @Test(arguments: ["", "..", "../blobs", "ABCDEF00ABCDEF00ABCDEF00ABCDEF00", "0123456789abcdef0123456789abcde/"])
    func `names from outside that are none of ours name no upload`(id: String) throws {
        let blobs = try BlobDirectory(path: "/b", layer: MemoryFileLayer())
        #expect(try BlobUpload(resuming: id, in: blobs) == nil)
    }

    @Test(arguments: [nil, 300_001] as [Int64?])
    func `what an upload is for is known after a restart`(size: Int64?) throws {
        let blobs = try BlobDirectory(path: "/b", layer: MemoryFileLayer())
        let upload = try BlobUpload(in: blobs, size: size, for: "team/7")
        try append(bytes(100)[...], to: upload)
        try upload.pause()
        let resumed = try #require(try BlobUpload(resuming: upload.id, in: blobs))
        #expect(resumed.target == "team/7" && resumed.length == 100)
        let other = try BlobUpload(in: blobs, size: size)
        #expect(try BlobUpload(resuming: other.id, in: blobs)?.target == nil)
    }

    @Test func `uploads that nobody sends to for long are removed`() throws {
        let directory = try TemporaryDirectory()
        let table = UploadTable(try BlobDirectory(path: directory.path))
        let (old, new) = (try table.begin(now: 0), try table.begin(now: 100))
        let wall = Int64(time(nil)) * 1_000_000_000
        try table.removeIdle(age: 50, now: 110, wall: wall + 60_000_000_000)
        #expect(try table.find(old.id, now: 110) == nil)
        #expect(try table.find(new.id, now: 110) === new)
    }

    /// Another request takes the upload up too, and ends it, in the middle of the first one.
    @Test(arguments: 0..<6)
    func `an upload that two requests find at once has one object, and its blob stays as it is`(step: Int) throws {
        let memory = MemoryFileLayer()
        let bytes = bytes(50_000)
        let digest = SHA256.digest(bytes)
        let id = try left(bytes[...], on: memory)
        let layer = FaultyFileLayer(memory)
        let blobs = try BlobDirectory(path: "/b", layer: layer)
        let table = UploadTable(blobs)
        let (end, over) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        layer.interrupt(afterCalls: step) {
            Thread.detachNewThread {
                if let other = try? table.find(id, now: 0), (try? other.finish(digest)) != nil { table.forget(other) }
                end.signal()
                over.signal()
            }
            // It may have to wait until the first one has the upload.
            _ = end.wait(timeout: .now() + 0.1)
        }
        let found = try table.find(id, now: 0)
        #expect(over.wait(timeout: .now() + 30) == .success)
        if let found { #expect(throws: UploadProblem.self) { try append([7, 7, 7], to: found) } }
        #expect(try blobs.open(digest)?.readAll(limit: 1 << 20) == bytes)
        #expect(try table.find(id, now: 1) == nil)
    }

    @Test func `an upload that a request has found stays in the table, however many others are begun`() throws {
        let table = UploadTable(try BlobDirectory(path: "/b", layer: MemoryFileLayer()), mostOpen: 1)
        let found = try table.begin(now: 0)
        for now in 1...3 { _ = try table.begin(now: Double(now)) }
        #expect(try table.find(found.id, now: 4) === found)
    }

    @Test func `an upload that no request has makes place for others, and is found on the disk with all its bytes`()
        throws
    {
        let table = UploadTable(try BlobDirectory(path: "/b", layer: MemoryFileLayer()), mostOpen: 1)
        weak var dropped: BlobUpload?
        let id: String
        do {
            let upload = try table.begin(now: 0)
            try append(bytes(10_000)[...], to: upload)
            dropped = upload
            id = upload.id
        }
        _ = try table.begin(now: 1)
        #expect(dropped == nil)
        #expect(try table.find(id, now: 2)?.length == 10_000)
    }

    @Test func `an upload is forgotten when it has ended, and not before`() throws {
        let table = UploadTable(try BlobDirectory(path: "/b", layer: MemoryFileLayer()))
        let upload = try table.begin(now: 0)
        table.forget(upload)
        #expect(try table.find(upload.id, now: 1) === upload)
        upload.cancel()
        table.forget(upload)
        #expect(try table.find(upload.id, now: 2) == nil)
    }
}
