import ObjectStore
import S3
import Testing

@Suite struct `An object store's address` {
    private let keys = S3Credentials(accessKey: "AKEXAMPLE", secretKey: "SKEXAMPLE")

    private func address(
        _ endpoint: String, bucket: String = "cfec-001", region: String? = nil, style: S3Style? = nil
    ) throws -> ObjectStoreAddress {
        try ObjectStoreAddress(endpoint: endpoint, bucket: bucket, region: region, style: style, credentials: keys)
    }

    @Test func `means https where it has no scheme`() throws {
        #expect(try address("store.example").endpoint == "https://store.example")
        #expect(try address("store.example:9000").endpoint == "https://store.example:9000")
        #expect(try address("http://127.0.0.1:8333").endpoint == "http://127.0.0.1:8333")
        #expect(try address("https://Store.Example/").endpoint == "https://store.example")
    }

    @Test(arguments: [
        "", "https://", "ftp://store", "store/path", "https://store/?a", "https://ak:sk@store", "store#x", "a b",
        "https://store:0", "https://store//",
    ]) func `is refused when it is none`(endpoint: String) {
        #expect(throws: ObjectStoreError.self) { try address(endpoint) }
    }

    @Test(arguments: [
        ("obs.ap-southeast-1.myhuaweicloud.com", "ap-southeast-1", S3Style.virtualHost),
        ("https://obs.cn-north-4.myhuaweicloud.com", "cn-north-4", .virtualHost),
        ("s3.eu-west-1.amazonaws.com", "eu-west-1", .virtualHost), ("s3.amazonaws.com", "us-east-1", .virtualHost),
        ("s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1", .virtualHost),
        ("oss-cn-hangzhou.aliyuncs.com", "oss-cn-hangzhou", .virtualHost),
        ("minio.site:9000", "us-east-1", .path), ("http://127.0.0.1:1", "us-east-1", .path),
    ]) func `tells region and style of the clouds that are known`(endpoint: String, region: String, style: S3Style)
        throws
    {
        let address = try address(endpoint)
        #expect(address.region == region && address.style == style)
        let chosen = try self.address(endpoint, region: "elsewhere-1", style: .path)
        #expect(chosen.region == "elsewhere-1" && chosen.style == .path)
    }

    @Test func `that begins with the bucket is taken without it`() throws {
        let address = try address("cfec-001.obs.cn-north-4.myhuaweicloud.com")
        #expect(address.endpoint == "https://obs.cn-north-4.myhuaweicloud.com")
        #expect(address.style == .virtualHost && address.region == "cn-north-4")
    }

    @Test func `of a bucket that no host can name uses the path`() throws {
        #expect(try address("s3.eu-west-1.amazonaws.com", bucket: "Old_Bucket").style == .path)
        #expect(throws: ObjectStoreError.self) {
            try address("s3.eu-west-1.amazonaws.com", bucket: "Old_Bucket", style: .virtualHost)
        }
        #expect(throws: ObjectStoreError.self) { try address("s3.eu-west-1.amazonaws.com", bucket: "a/b") }
        #expect(throws: ObjectStoreError.self) { try address("store", region: "a b") }
    }

    @Test func `shows no keys`() throws {
        let address = try address("store.example")
        var dumped = ""
        dump(address, to: &dumped)
        for text in ["\(address)", String(reflecting: address), dumped] {
            #expect(!text.contains("AKEXAMPLE") && !text.contains("SKEXAMPLE"))
        }
        #expect("\(address)" == "bucket cfec-001 at https://store.example")
    }

    @Test func `in a task file names bucket and prefix`() throws {
        let location = try #require(ObjectLocation("obs://cfec-001/dcps/NAME"))
        #expect(location.bucket == "cfec-001" && location.prefix == "dcps/NAME")
        #expect(location.key("a/b") == "dcps/NAME/a/b" && "\(location)" == "obs://cfec-001/dcps/NAME")
        #expect(ObjectLocation("obs://cfec-001")?.key("a") == "a")
        #expect(ObjectLocation("s3://cfec-001/x/")?.prefix == "x")
        for text in ["", "http://a/b", "obs://", "obs://a", "obs://cfec-001//x", "obs://cfec-001/a/../b"] {
            #expect(ObjectLocation(text) == nil)
        }
    }
}
