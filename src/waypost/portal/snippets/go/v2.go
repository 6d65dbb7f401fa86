// Verifies a webhook by TrackingMore's V2 signature. It covers the time only: the standard one covers the body too.
// net/http: the raw body is io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20)). V2 signs inside the body; headers
// is not used: pass nil. Go 1.20 or later.

package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"time"
)

// Verify returns nil if the webhook is genuine and recent. The key is the account's e-mail address.
func Verify(body []byte, _ map[string]string, email string) error {
	if email == "" {
		return errors.New("the e-mail address is empty")
	}

	var document struct {
		VerifyInfo struct {
			TimeStr   json.Number `json:"timeStr"`
			Signature string      `json:"signature"`
		} `json:"verifyInfo"`
	}
	err := json.Unmarshal(body, &document)
	timestamp, signature := document.VerifyInfo.TimeStr.String(), document.VerifyInfo.Signature
	if err != nil || timestamp == "" || signature == "" {
		return errors.New("the body is not JSON with verifyInfo.timeStr and verifyInfo.signature")
	}
	sent, err := strconv.ParseUint(timestamp, 10, 40)
	if err != nil {
		return errors.New("the timestamp is not a number of seconds")
	}
	if age := time.Now().Unix() - int64(sent); age > 300 || age < -300 {
		return errors.New("the timestamp is more than 300 seconds off")
	}

	mac := hmac.New(sha256.New, []byte(email))
	mac.Write([]byte(timestamp))
	expected := hex.EncodeToString(mac.Sum(nil))
	if !hmac.Equal([]byte(expected), []byte(signature)) {
		return errors.New("the signature does not match")
	}
	return nil
}
