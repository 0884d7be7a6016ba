;;; codeflow-show.el --- What CodeFlow's server says of itself and its answers  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Texts to read: the server's status, why a suggestion is what it is, what became of suggestions, and texts
;; that the server shows (a diff, an explanation), in a window of their own.

;;; Code:

(require 'cl-lib)
(require 'subr-x)
(require 'codeflow-client)
(require 'codeflow-ghost)

(defvar codeflow-show-file-functions nil
  "Called with the name of a file to be shown, until one has taken it.")

(defun codeflow-show-text (name text &optional mode)
  "Show TEXT in a buffer called NAME, in MODE; q closes it.  Return the buffer."
  (let ((buffer (get-buffer-create (format "*CodeFlow %s*" name))))
    (with-current-buffer buffer
      (let ((inhibit-read-only t))
        (erase-buffer)
        (insert text))
      (goto-char (point-min))
      (if mode (funcall mode) (special-mode))
      (setq buffer-read-only t)
      (let ((map (make-sparse-keymap))) ; the mode's own is not ours to change
        (set-keymap-parent map (current-local-map))
        (define-key map "q" #'quit-window)
        (use-local-map map)))
    (pop-to-buffer buffer)
    buffer))

(defun codeflow-show-file (path)
  "Show the text of PATH, which the server has written to be read."
  (unless (run-hook-with-args-until-success 'codeflow-show-file-functions path)
    (codeflow-show-text (file-name-nondirectory path)
                        (with-temp-buffer (insert-file-contents path) (buffer-string))
                        (and (string-suffix-p ".diff" path) #'diff-mode))))

;;; Status

(defvar codeflow-show--status (make-hash-table :test #'eq :weakness 'key)
  "By client, what its server said of itself last.")

(defun codeflow-show-status (client status)
  "Keep the STATUS of CLIENT's server, and say what has gone wrong."
  (let ((before (gethash client codeflow-show--status)))
    (puthash client status codeflow-show--status)
    (when (and (equal (plist-get status :state) "error")
               (not (equal (plist-get before :message) (plist-get status :message))))
      (message "CodeFlow: %s" (plist-get status :message))))
  (force-mode-line-update t))

(defun codeflow-show-lighter ()
  "CodeFlow, with a sign where it is not simply ready, for the mode line."
  (let ((client (codeflow-client)))
    (concat " CodeFlow"
            (and client
                 (pcase (plist-get (gethash client codeflow-show--status) :state)
                   ("ready" "")
                   ("downloading" "↓")
                   ("off" " off")
                   ("error" "!")
                   (_ "…"))))))

;;;###autoload
(defun codeflow-status ()
  "Say what the server does."
  (interactive)
  (let ((status (gethash (codeflow-client-or-lose) codeflow-show--status)))
    (message "CodeFlow: %s%s%s"
             (or (plist-get status :message) "The server is starting.")
             (if-let* ((reason (plist-get status :reason))) (format " Model: %s." reason) "")
             (if-let* ((fix (plist-get status :fix))) (format " What mends it: %s." (plist-get fix :title)) ""))))

;;; Accounts

(defun codeflow-show--account (account)
  "ACCOUNT with its pieces, line by line."
  (cl-flet ((value (name) (plist-get account name)))
    (concat
     (when (value :total_ms)
       (format "%s, %.0f ms: %.0f to make the prompt, %.0f waiting, %.0f to read it, %.0f to write\n"
               (value :source) (value :total_ms) (value :assemble_ms) (value :queue_ms)
               (value :prefill_ms) (value :decode_ms)))
     (when (value :prompt_tokens)
       (format "%d tokens of prompt, %d of them known before; %d generated; ended by %s\n"
               (value :prompt_tokens) (value :cached_tokens) (value :generated_tokens) (value :finish)))
     (format "\n%6s  %-16s %s\n" "tokens" "source" "from")
     (mapconcat
      (lambda (piece)
        (let ((from (list (plist-get piece :path) (plist-get piece :why)
                          (string-join (plist-get piece :commits) " "))))
          (string-trim-right
           (format "%6d  %-16s %s" (plist-get piece :tokens) (plist-get piece :source)
                   (string-join (cl-remove-if #'string-empty-p (delq nil from)) " · ")))))
      (value :pieces) "\n")
     "\n")))

(defun codeflow-show--ask (client method params show)
  "Ask CLIENT's server for METHOD with PARAMS, and SHOW the result."
  (codeflow-client-request
   client method params
   (lambda (result)
     (if result
         (run-with-timer 0 nil show result) ; not inside of the client's filter
       (message "CodeFlow: nothing has been suggested yet.")))
   (lambda (problem) (message "CodeFlow: %s" problem))))

;;;###autoload
(defun codeflow-why ()
  "Show why the latest suggestion is what it is."
  (interactive)
  (codeflow-show--ask
   (codeflow-client-or-lose) "codeflow/explain"
   (if codeflow-ghost-latest (list :key codeflow-ghost-latest) (make-hash-table))
   (lambda (account) (codeflow-show-text "why" (codeflow-show--account account)))))

(defun codeflow-show--counts (title counts)
  "COUNTS under their TITLE, line by line."
  (concat title "\n"
          (cl-loop for (name value) on counts by #'cddr
                   when (or (numberp value) (stringp value))
                   concat (format "  %-22s %s\n" (string-replace "_" " " (substring (symbol-name name) 1)) value))))

;;;###autoload
(defun codeflow-statistics ()
  "Show what became of suggestions."
  (interactive)
  (codeflow-show--ask
   (codeflow-client-or-lose) "codeflow/stats" (make-hash-table)
   (lambda (stats)
     (codeflow-show-text
      "statistics"
      (concat (codeflow-show--counts "since the server started" (plist-get stats :session))
              "\n"
              (codeflow-show--counts (if-let* ((since (plist-get stats :since))) (concat "since " since) "in all")
                                     (plist-get stats :total)))))))

(provide 'codeflow-show)
;;; codeflow-show.el ends here
