import Hashing
import Testing

@Suite struct `HMAC with SHA-256` {
    /// Made with Python's hmac module.
    @Test(arguments: [
        (0, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
        (1, "b60090e3052297aeb5a080889ce2fc4bca957e756faeb4df7d31800ca1e771ec"),
        (63, "9555ee1f3acc7e730b14d864504ce7178d49d68276e3b24d8939379f22177016"),
        (64, "6c5d941ffa5c767ab48ab913e070f40807115a8478907ad61bee6f2283c72966"),
        (65, "3c6c4ac7270320ec19c0d016294b347bfd7461bd232b367fd8872ed95db94178"),
        (200, "b01acc65b25b13c77cdfdb326f6c829015486f31ab6751321466a2b5e8f76cae"),
    ]) func `agrees with another implementation for keys and messages of any length`(count: Int, code: String) {
        let key = [UInt8](repeating: UInt8(ascii: "k"), count: count)
        let hmac = HMACSHA256(key: key)
        #expect(hmac.code(of: [UInt8](repeating: UInt8(ascii: "m"), count: count)).hex == code)
    }

    /// RFC 4231, test case 2.
    @Test func `has the value of its RFC`() {
        let code = HMACSHA256(key: Array("Jefe".utf8)).code(of: Array("what do ya want for nothing?".utf8))
        #expect(code.hex == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }
}
