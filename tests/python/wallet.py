"""A wallet that Windlass' authors did not write: the Python SDK of Stellar against the devnet's RPC.

Called by the story `python`, with one JSON object on standard input and one on standard output per line:

  {"do": "open", "rpc": URL, "friendbot": URL, "passphrase": P, "asset": "CODE:ISSUER"}
      makes an account by friendbot and a trustline for the asset      -> {"account": "G..."}
  {"do": "deposits", "account": "G..."}
      reads the payments to the account off getTransactions            -> {"payments": [{"hash", "amount", "asset"}]}
  {"do": "pay", "to": "G...", "amount": "12.5", "memo_id": 7}
      pays, and waits for the ledger's record                          -> {"hash": "..."}
  {"do": "balance"}                                                    -> {"balance": "12.5"}
"""

import json
import sys
import urllib.request

from stellar_sdk import Asset, Keypair, SorobanServer, TransactionBuilder, TransactionEnvelope, xdr
from stellar_sdk.operation import Payment
from stellar_sdk.soroban_rpc import GetTransactionStatus, SendTransactionStatus


class Wallet:
    def open(self, rpc, friendbot, passphrase, asset):
        self.server = SorobanServer(rpc)
        assert self.server.get_health().status == "healthy"
        assert self.server.get_network().passphrase == passphrase
        self.passphrase = passphrase
        self.asset = Asset(*asset.split(":"))
        self.keypair = Keypair.random()
        self.first_ledger = self.server.get_latest_ledger().sequence
        with urllib.request.urlopen(f"{friendbot}?addr={self.keypair.public_key}") as answer:
            assert answer.status == 200
        self._submit(lambda builder: builder.append_change_trust_op(self.asset))
        return {"account": self.keypair.public_key}

    def deposits(self, account):
        payments, cursor, start = [], None, self.first_ledger
        while True:
            page = self.server.get_transactions(start_ledger=start, cursor=cursor, limit=100)
            if not page.transactions:
                return {"payments": payments}
            cursor, start = page.cursor, None
            for found in page.transactions:
                if found.status != "SUCCESS":
                    continue
                envelope = TransactionEnvelope.from_xdr(found.envelope_xdr, self.passphrase)
                for operation in envelope.transaction.operations:
                    if isinstance(operation, Payment) and operation.destination.account_id == account:
                        asset = f"{operation.asset.code}:{operation.asset.issuer}"
                        payments.append({"hash": envelope.hash_hex(), "amount": str(operation.amount), "asset": asset})

    def pay(self, to, amount, memo_id):
        return {
            "hash": self._submit(
                lambda builder: builder.append_payment_op(to, self.asset, amount).add_id_memo(memo_id)
            )
        }

    def balance(self):
        line = xdr.TrustLineAsset.from_xdr(self.asset.to_trust_line_asset_xdr_object().to_xdr())
        key = xdr.LedgerKey(
            xdr.LedgerEntryType.TRUSTLINE,
            trust_line=xdr.LedgerKeyTrustLine(account_id=self.keypair.xdr_account_id(), asset=line),
        )
        entry = xdr.LedgerEntryData.from_xdr(self.server.get_ledger_entries([key]).entries[0].xdr)
        stroops = entry.trust_line.balance.int64
        return {"balance": f"{stroops // 10**7}.{stroops % 10**7:07}"}

    def _submit(self, build):
        source = self.server.load_account(self.keypair.public_key)
        builder = TransactionBuilder(source, self.passphrase, base_fee=100).set_timeout(180)
        envelope = build(builder).build()
        envelope.sign(self.keypair)
        sent = self.server.send_transaction(envelope)
        assert sent.status == SendTransactionStatus.PENDING, sent
        record = self.server.poll_transaction(sent.hash, max_attempts=60)
        assert record.status == GetTransactionStatus.SUCCESS, record
        return sent.hash


wallet = Wallet()
for line in sys.stdin:
    words = json.loads(line)
    print(json.dumps(getattr(wallet, words.pop("do"))(**words)), flush=True)
