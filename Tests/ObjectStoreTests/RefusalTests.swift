import Glibc
import NIOHTTP1
import ObjectStore
import S3
import TestSupport
import Testing

@Suite struct `A refusal` {
    private func error(
        _ status: Int, _ code: String = "", message: String = "", region: String = "", headers: HTTPHeaders = [:],
        key: String? = "a/b", now: Int64 = 784_111_777
    ) throws -> ObjectStoreError {
        let address = try ObjectStoreAddress(
            endpoint: "store.example", bucket: "dcp", credentials: S3Credentials(accessKey: "AK123", secretKey: "SK456")
        )
        return Refusal(
            status: status, headers: headers,
            failure: code.isEmpty ? nil : S3Failure(code: code, message: message, region: region), address: address,
            key: key, now: now, settings: ObjectStoreSettings()
        ).error
    }

    @Test(arguments: [
        (404, "NoSuchKey", ObjectStoreError.Kind.noSuchKey), (404, "", .noSuchKey), (410, "", .noSuchKey),
        (404, "NoSuchBucket", .noSuchBucket), (404, "NoSuchUpload", .noSuchUpload), (403, "AccessDenied", .denied),
        (403, "SignatureDoesNotMatch", .denied), (403, "InvalidAccessKeyId", .denied), (401, "", .denied),
        (403, "RequestTimeTooSkewed", .clockSkew), (400, "AuthorizationHeaderMalformed", .denied),
        (400, "ExpiredToken", .denied), (301, "PermanentRedirect", .redirected), (307, "", .redirected),
        (412, "PreconditionFailed", .changed), (416, "InvalidRange", .wrongContent),
        (501, "NotImplemented", .unsupported),
        (429, "", .busy), (500, "InternalError", .busy), (502, "", .busy), (503, "SlowDown", .busy), (504, "", .busy),
        (400, "RequestTimeout", .busy), (400, "BadDigest", .busy), (409, "OperationAborted", .busy),
        (400, "InvalidRequest", .refused), (405, "", .refused), (507, "", .refused), (200, "", .refused),
    ]) func `is understood`(status: Int, code: String, kind: ObjectStoreError.Kind) throws {
        let error = try error(status, code)
        #expect(error.kind == kind)
        #expect(error.isTransient == (kind == .busy))
    }

    @Test func `says when to come back, within reason`() throws {
        #expect(try error(503, headers: ["Retry-After": "7"]).retryAfter == 7)
        #expect(try error(429, headers: ["Retry-After": "99999999"]).retryAfter == 600)
        #expect(try error(503, headers: ["Retry-After": "Sun, 06 Nov 1994 08:49:47 GMT"]).retryAfter == 10)
        #expect(try error(503, headers: ["Retry-After": "soon"]).retryAfter == nil)
    }

    @Test func `because of a wrong clock says whose, and by how much`() throws {
        let date: HTTPHeaders = ["Date": "Sun, 06 Nov 1994 08:49:37 GMT"]
        let behind = try error(403, "AccessDenied", headers: date, now: 784_111_777 - 1_260)
        #expect(behind.kind == .clockSkew && behind.reason.contains("21 minutes behind that of store.example"))
        let ahead = try error(403, headers: date, now: 784_111_777 + 86_400)
        #expect(ahead.kind == .clockSkew && ahead.reason.contains("1440 minutes ahead of"))
        #expect(try error(403, "AccessDenied", headers: date, now: 784_111_777 + 20).kind == .denied)
        #expect(try error(404, headers: date, now: 0).kind == .noSuchKey)
        #expect(try error(403, headers: ["Date": "never"], now: .min).kind == .denied)
    }

    @Test func `names the region that is wanted`() throws {
        #expect(try error(400, "AuthorizationHeaderMalformed", region: "eu-west-1").reason.contains("eu-west-1"))
        let moved = try error(
            301,
            headers: [
                "x-amz-bucket-region": "eu-west-3", "Location": "https://dcp.s3.eu-west-3.amazonaws.com/k?X=AK123",
            ])
        #expect(moved.reason.contains("eu-west-3"))
        #expect(!moved.reason.contains("AK123"))
    }

    @Test func `never shows the keys, whatever the store repeats`() throws {
        for status in [400, 403, 405, 500, 501] {
            let error = try error(status, "Odd", message: "key AK123 with SK456 is odd", headers: [:])
            #expect(!error.description.contains("AK123") && !error.description.contains("SK456"))
            #expect(error.description.contains("is odd"))
        }
    }

    @Test func `shows names without what would move a cursor`() throws {
        let error = try error(404, key: "a\u{1b}[2Jb\u{202e}")
        #expect(error.reason.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x202e })
    }

    @Test func `means for a source what it means for a web seed`() throws {
        #expect(try error(503).problem(file: 3) == .retry(after: nil, reason: "store.example is busy (503)"))
        guard case .giveUp(3, _) = try error(404).problem(file: 3),
            case .giveUp(3, _) = try error(403).problem(file: 3),
            case .giveUp(nil, _) = try error(404, "NoSuchBucket").problem(file: 3),
            case .wrongContent = try error(416).problem(file: 3),
            case .unreachable = ObjectStoreError(.unreachable, "").problem(file: 3),
            case .unreachable = ObjectStoreError(.unresolved, "").problem(file: 3),
            case .cancelled = ObjectStoreError(.cancelled, "").problem(file: 3)
        else {
            Issue.record("another meaning")
            return
        }
    }
}

@Suite struct `Waiting before another try` {
    @Test func `doubles up to its longest, half of it left to chance`() {
        let delay = RetryDelay(settings: ObjectStoreSettings())
        let longest = [1, 2, 3, 4, 5, 6, 7, 8, 1_000].map { delay.seconds(afterFailures: $0, asked: nil, chance: 1) }
        #expect(longest == [0.5, 1, 2, 4, 8, 16, 30, 30, 30])
        #expect(delay.seconds(afterFailures: 1, asked: nil, chance: 0) == 0.25)
        #expect(delay.seconds(afterFailures: 1, asked: 60, chance: 0) == 60)
        #expect(delay.seconds(afterFailures: 1, asked: 60, chance: 1) == 66)
    }
}

@Suite struct `The plan of an upload` {
    @Test func `covers the file, in order and without gaps`() {
        let sizes: [Int64] = [1, 5 << 20, (5 << 20) + 1, 100_000_000, 300 << 30, 5 << 40]
        for size in sizes {
            let plan = UploadPlan(size: size, wanted: 16 << 20)
            #expect((1...10_000).contains(plan.partCount))
            #expect(plan.range(ofPart: 1).lowerBound == 0 && plan.range(ofPart: plan.partCount).upperBound == size)
            for part in 1..<max(1, plan.partCount) {
                #expect(plan.range(ofPart: part).upperBound == plan.range(ofPart: part + 1).lowerBound)
            }
            #expect(plan == UploadPlan(size: size, wanted: 16 << 20))
        }
        #expect(UploadPlan(size: 100, wanted: 1).partSize == 5 << 20)
    }

    @Test func `takes up only parts of the planned length`() {
        let plan = UploadPlan(size: (10 << 20) + 7, wanted: 5 << 20)
        #expect(plan.fits(S3Part(number: 1, size: 5 << 20, entityTag: "")))
        #expect(plan.fits(S3Part(number: 3, size: 7, entityTag: "")))
        #expect(!plan.fits(S3Part(number: 3, size: 8, entityTag: "")))
        #expect(!plan.fits(S3Part(number: 4, size: 7, entityTag: "")))
        #expect(!plan.fits(S3Part(number: 0, size: 5 << 20, entityTag: "")))
        #expect(!plan.fits(S3Part(number: 1, size: nil, entityTag: "")))
    }
}

@Suite struct `The record of a download` {
    private let plan = DownloadPlan(size: 1_050, entityTag: "tag", rangeSize: 100)

    @Test func `is read as it was written`() throws {
        var record = RangeRecord(plan: plan)
        #expect(record.missing.count == 11 && record.bytes == 0)
        record.add(3)
        record.add(10)
        #expect(record.bytes == 150)
        #expect(RangeRecord(record.text, plan: plan) == record)
    }

    @Test(arguments: [
        "", "\n", "1050 100 tag\n11\n", "1050 100 tag\n-1\n", "1050 100 tag\n1", "1050 100 other\n1\n",
        "1050 99 tag\n1\n", "1050 100 tag\nx\n", "1050 100 tag\n1\n2\n",
    ])
    func `of another object, or broken, counts as none`(text: String) {
        #expect(RangeRecord(text, plan: plan) == nil)
    }

    @Test func `that cannot be written leaves nothing beside it`() async throws {
        try await withDirectory { directory in
            let place = try RecordPlace(beside: directory + "/film")
            var record = RangeRecord(plan: plan)
            record.add(3)
            try place.write(record)
            #expect(place.read(plan) == record)
            place.remove()
            #expect(place.read(plan) == nil)
            // A directory has the record's name: the last step of writing fails.
            #expect(mkdir(directory + "/film.ranges", 0o755) == 0)
            #expect(throws: ObjectStoreError.self) { try place.write(record) }
            #expect(access(directory + "/film.ranges.new", F_OK) != 0)
        }
    }

    @Test func `that was left half written is written anew, not through a link`() async throws {
        try await withDirectory { directory in
            try write([1, 2, 3], to: directory + "/other")
            #expect(symlink(directory + "/other", directory + "/film.ranges.new") == 0)
            try RecordPlace(beside: directory + "/film").write(RangeRecord(plan: plan))
            #expect(try contents(directory + "/other") == [1, 2, 3])
        }
    }
}
