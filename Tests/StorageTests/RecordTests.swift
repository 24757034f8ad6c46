import Files
import Hashing
import Metainfo
import Storage
import Testing
import Text

@Suite("The resume record") struct RecordTests {
    private func record(stamped: Bool = true) throws -> ResumeRecord {
        let sample = try Sample.directory()
        var pieces = PieceSet(size: sample.layout.pieceCount)
        pieces.insert(1)
        pieces.insert(sample.layout.pieceCount - 1)
        let stamps: [FileStamp?] = sample.layout.files.indices.map {
            $0 == 1 ? nil : FileStamp(size: Int64($0), modified: -5, inode: .max)
        }
        return ResumeRecord(
            hashes: sample.info.hashes, pieces: pieces, selection: sample.selection("a/empty", "last"),
            stamps: stamped ? stamps : [])
    }

    @Test(arguments: [false, true])
    func `reads back what was written`(stamped: Bool) throws {
        let record = try record(stamped: stamped)
        #expect(try ResumeRecord.decode(record.encode()) == record)
        #expect(record.stamps.isEmpty != stamped)
    }

    @Test
    func `cut off anywhere, or with any bit flipped, it is an error`() throws {
        let bytes = try record().encode()
        for count in bytes.indices {
            #expect(throws: ResumeRecord.Problem.self) { try ResumeRecord.decode(Array(bytes[..<count])) }
        }
        for index in bytes.indices {
            var flipped = bytes
            flipped[index] ^= 1 << UInt8(index % 8)
            #expect(throws: ResumeRecord.Problem.self) { try ResumeRecord.decode(flipped) }
        }
        #expect(throws: ResumeRecord.Problem.self) { try ResumeRecord.decode(bytes + [0]) }
        #expect(throws: ResumeRecord.Problem.notARecord) { try ResumeRecord.decode([]) }
    }

    @Test(arguments: 0..<50)
    func `hostile bytes under a right checksum end in an error or in a record that encodes to them`(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let bytes = try record().encode()
        for _ in 0..<60 {
            var body = Array(bytes.dropLast(32))
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: body.indices, using: &random)
                switch Int.random(in: 0...3, using: &random) {
                case 0: body[index] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &random) ?? 0
                case 1: body.removeSubrange(index...)
                case 2: body.insert(0xff, at: index)
                default: body[index] ^= 1 << UInt8.random(in: 0...7, using: &random)
                }
                if body.isEmpty { body = [0] }
            }
            let whole = body + SHA256.digest(body).bytes
            if let decoded = try? ResumeRecord.decode(whole) { #expect(decoded.encode() == whole) }
        }
    }

    @Test
    func `counts far beyond the input take no memory`() throws {
        let hash = [UInt8](repeating: 1, count: 20)
        for count: [UInt8] in [[0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0x80]] {
            let body = Array("SWPREC".utf8) + [0, 1, 1] + hash + count + [0]
            #expect(throws: ResumeRecord.Problem.damaged) { try ResumeRecord.decode(body + SHA256.digest(body).bytes) }
        }
    }
}

@Suite("The durability ledger") struct LedgerTests {
    private func piece(_ index: Int) -> PieceIndex { PieceIndex(unchecked: index) }
    private func ledger() -> DurabilityLedger {
        DurabilityLedger(durable: PieceSet(size: 10), policy: SyncPolicy(interval: 5, bytes: 100))
    }

    @Test
    func `a sync is due after the interval, or once enough bytes wait, and never for nothing`() {
        var ledger = ledger()
        #expect(ledger.nextSync == nil)
        #expect(!ledger.isSyncDue(at: 1000))
        ledger.wrote(piece(0), bytes: 10, at: 7)
        ledger.wrote(piece(1), bytes: 10, at: 9)
        #expect(ledger.nextSync == 12)
        #expect(!ledger.isSyncDue(at: 11.9))
        #expect(ledger.isSyncDue(at: 12))
        ledger.wrote(piece(2), bytes: 80, at: 9)
        #expect(ledger.isSyncDue(at: 9))
    }

    @Test
    func `only what was written before the sync began is durable after it`() {
        var ledger = ledger()
        ledger.wrote(piece(0), bytes: 10, at: 0)
        #expect(ledger.beginSync().map { Array($0.indices) } == [0])
        ledger.wrote(piece(1), bytes: 10, at: 1)
        #expect(ledger.beginSync() == nil, "one sync at a time")
        #expect(ledger.durable.isEmpty)
        ledger.syncSucceeded()
        #expect(Array(ledger.durable.indices) == [0])
        #expect(ledger.nextSync == 6)
    }

    @Test
    func `after a failed sync nothing that was not durable counts`() {
        var ledger = ledger()
        ledger.wrote(piece(0), bytes: 10, at: 0)
        _ = ledger.beginSync()
        ledger.syncSucceeded()
        ledger.wrote(piece(1), bytes: 10, at: 1)
        _ = ledger.beginSync()
        ledger.wrote(piece(2), bytes: 10, at: 2)
        #expect(Array(ledger.syncFailed().indices) == [1, 2])
        #expect(Array(ledger.durable.indices) == [0])
        #expect(ledger.nextSync == nil)
    }

    @Test
    func `the defaults are those of the design: 5 seconds, 256 MiB`() {
        #expect(SyncPolicy() == SyncPolicy(interval: 5, bytes: 268_435_456))
    }
}
