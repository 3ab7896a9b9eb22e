// A session of pkcs11js 2.1 with numbers for what it has no names for; the template is that of Thales' sample.
// The module's path is the first word, the label the second. Prints what it saw as one JSON object.
const cryptoki = require("pkcs11js");
const HSS_PAIR = 0x4032, HSS = 0x4033, LEVELS = 0x617, LMS_TYPES = 0x61a, LMOTS_TYPES = 0x61b, REMAINING = 0x61c;
const [path, label] = process.argv.slice(2);
const module_ = new cryptoki.PKCS11();
module_.load(path);
module_.C_Initialize();
const [slot] = module_.C_GetSlotList(true);
const session = module_.C_OpenSession(slot, cryptoki.CKF_SERIAL_SESSION | cryptoki.CKF_RW_SESSION);
const remaining = (key) => Number(module_.C_GetAttributeValue(session, key, [{ type: REMAINING }])[0].value.readBigUInt64LE());
const common = [{ type: cryptoki.CKA_LABEL, value: label }, { type: cryptoki.CKA_TOKEN, value: true }];
const pair = module_.C_GenerateKeyPair(session, { mechanism: HSS_PAIR, parameter: null },
  [...common, { type: cryptoki.CKA_VERIFY, value: true }],
  [...common, { type: cryptoki.CKA_PRIVATE, value: true }, { type: cryptoki.CKA_SIGN, value: true },
    { type: LEVELS, value: 1 }, { type: LMS_TYPES, value: 5 }, { type: LMOTS_TYPES, value: 4 }]);
const before = remaining(pair.privateKey);
const message = Buffer.from("firmware");
module_.C_SignInit(session, { mechanism: HSS, parameter: null }, pair.privateKey);
const signature = module_.C_Sign(session, message, Buffer.alloc(65536));
const after = remaining(pair.privateKey);
module_.C_VerifyInit(session, { mechanism: HSS, parameter: null }, pair.publicKey);
const verified = module_.C_Verify(session, message, signature);
let exhausted = null;
try {
  for (;;) {
    module_.C_SignInit(session, { mechanism: HSS, parameter: null }, pair.privateKey);
    module_.C_Sign(session, message, Buffer.alloc(65536));
  }
} catch (error) {
  exhausted = error.code;
}
const value = module_.C_GetAttributeValue(session, pair.publicKey, [{ type: cryptoki.CKA_VALUE }])[0].value;
module_.C_CloseSession(session);
module_.C_Finalize();
console.log(JSON.stringify({ before, after, verified, exhausted, value: value.toString("hex"), signature: signature.toString("hex") }));
