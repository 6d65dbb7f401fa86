// Verifies a webhook by TrackingMore's V4 signature. It covers the time only: the standard one covers the body too.
// net/http: the raw body is io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20)); headers are filled by
// for name := range r.Header { headers[strings.ToLower(name)] = r.Header.Get(name) }. Go 1.20 or later.

package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Verify returns nil if the webhook is genuine and recent.
func Verify(_ []byte, headers map[string]string, secret string) error {
	if secret == "" {
		return errors.New("the secret is empty")
	}

	for _, name := range []string{"timestamp", "signature"} {
		if headers[name] == "" {
			return fmt.Errorf("the header %s is missing", name)
		}
	}
	timestamp := headers["timestamp"]
	sent, err := strconv.ParseUint(timestamp, 10, 40)
	if err != nil {
		return errors.New("the timestamp is not a number of seconds")
	}
	if age := time.Now().Unix() - int64(sent); age > 300 || age < -300 {
		return errors.New("the timestamp is more than 300 seconds off")
	}

	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp))
	expected := hex.EncodeToString(mac.Sum(nil))
	if !hmac.Equal([]byte(expected), []byte(headers["signature"])) {
		return errors.New("the signature does not match")
	}
	return nil
}
