;;; codeflow-edit.el --- Edits by instruction  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Words from the user become an edit that the server makes and checks.  It is shown as a diff, and made only if
;; its reader says so, and if the text is still the one that it was made for.

;;; Code:

(require 'cl-lib)
(require 'diff) ; `diff-command'
(require 'diff-mode)
(require 'subr-x)
(require 'codeflow-client)
(require 'codeflow-show)

(defvar codeflow-edit--waiting nil "The buffer for an edit that is being written.")
(defvar-local codeflow-edit--request nil "The client, and the id of what this buffer waits for.")
(defvar-local codeflow-edit--proposal nil
  "What this buffer proposes: the client, the edit, the ticks of its buffers.")

(defvar codeflow-edit-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "RET") #'codeflow-edit-apply)
    (define-key map (kbd "C-c C-c") #'codeflow-edit-apply)
    (define-key map "q" #'codeflow-edit-leave)
    (define-key map (kbd "C-c C-k") #'codeflow-edit-leave)
    map)
  "What is pressed where an edit is proposed.")

(define-derived-mode codeflow-edit-mode diff-mode "CodeFlow edit"
  "Shows an edit before it is made."
  (setq buffer-read-only t)
  (add-hook 'kill-buffer-hook #'codeflow-edit--give-up nil t)
  ;; before what diff-mode binds where a buffer is read-only
  (setq-local minor-mode-overriding-map-alist
              (cons (cons 'codeflow-edit--waits-for-keys codeflow-edit-map) minor-mode-overriding-map-alist)))

(defvar codeflow-edit--waits-for-keys t)

(defun codeflow-edit--changes (edit)
  "The texts that EDIT concerns, each a URI with its edits."
  (append
   (cl-loop for (uri edits) on (plist-get edit :changes) by #'cddr
            collect (cons (string-remove-prefix ":" (symbol-name uri)) edits))
   (cl-loop for change across (or (plist-get edit :documentChanges) [])
            unless (plist-get change :kind)
            collect (cons (plist-get (plist-get change :textDocument) :uri) (plist-get change :edits)))))

(defun codeflow-edit--other-changes (edit)
  "What EDIT does to files as such, in words."
  (cl-loop for change across (or (plist-get edit :documentChanges) [])
           when (plist-get change :kind)
           collect (string-join (delq nil (list (plist-get change :kind)
                                                (or (plist-get change :uri) (plist-get change :oldUri))
                                                (plist-get change :newUri)))
                                " ")))

(defun codeflow-edit--make (client edits)
  "Change the text of the current buffer by EDITS, as CLIENT's server counts."
  (let ((places (mapcar (lambda (edit)
                          (let ((range (plist-get edit :range)))
                            (list (copy-marker (codeflow-client-place client (plist-get range :start)) t)
                                  (copy-marker (codeflow-client-place client (plist-get range :end)))
                                  (plist-get edit :newText))))
                        edits)))
    (pcase-dolist (`(,start ,end ,text) places)
      (delete-region start end)
      (goto-char start)
      (insert text))))

(defun codeflow-edit--compare (name old new)
  "The unified diff from the text OLD to the text NEW of the file NAME."
  (let ((files (mapcar (lambda (text) (make-temp-file "codeflow" nil nil text)) (list old new))))
    (unwind-protect
        (with-temp-buffer
          (apply #'call-process diff-command nil t nil "-u"
                 "--label" (concat "a/" name) "--label" (concat "b/" name) files)
          (buffer-string))
      (mapc #'delete-file files))))

(defun codeflow-edit--diff (client edit)
  "The unified diff of EDIT, made for CLIENT."
  (mapconcat
   (lambda (change)
     (let* ((path (codeflow-client-path client (car change)))
            (old (with-current-buffer (find-file-noselect path)
                   (save-restriction
                     (widen)
                     (buffer-substring-no-properties (point-min) (point-max))))))
       (codeflow-edit--compare (file-relative-name path) old
                               (with-temp-buffer
                                 (insert old)
                                 (codeflow-edit--make client (cdr change))
                                 (buffer-string)))))
   (codeflow-edit--changes edit) ""))

(defun codeflow-edit--ticks (client edit)
  "The buffers of EDIT, each with its tick; CLIENT knows their names."
  (mapcar (lambda (change)
            (let ((buffer (find-file-noselect (codeflow-client-path client (car change)))))
              (cons buffer (buffer-chars-modified-tick buffer))))
          (codeflow-edit--changes edit)))

(defun codeflow-edit--remarks (edit)
  "What was found out about EDIT, where the server could say it."
  (cl-loop for (_ annotation) on (plist-get edit :changeAnnotations) by #'cddr
           append (cl-remove-if (lambda (text) (member text '(nil "")))
                                (list (plist-get annotation :label) (plist-get annotation :description)))))

(defun codeflow-edit--fill (buffer text)
  "Let BUFFER show TEXT."
  (with-current-buffer buffer
    (let ((inhibit-read-only t))
      (erase-buffer)
      (insert text)
      (goto-char (point-min)))))

(defun codeflow-edit--propose (buffer client edit title)
  "Show EDIT in BUFFER, as a diff under its TITLE, to be made by CLIENT."
  (with-current-buffer buffer
    (setq codeflow-edit--request nil
          codeflow-edit--proposal (list client edit (codeflow-edit--ticks client edit)))
    (codeflow-edit--fill
     buffer
     (concat (mapconcat (lambda (line) (format "# %s\n" line))
                        (append (list title "RET: apply   q: leave it")
                                (codeflow-edit--remarks edit) (codeflow-edit--other-changes edit))
                        "")
             "\n" (codeflow-edit--diff client edit)))))

(defun codeflow-edit--refuse (path)
  "Show the diff in PATH: the edit that is awaited is not to be made.
Nil where none is awaited."
  (when (buffer-live-p codeflow-edit--waiting)
    (codeflow-edit--fill codeflow-edit--waiting
                         (concat "# not to be applied: it fails its checks   q: close\n"
                                 (with-temp-buffer (insert-file-contents path) (buffer-string))))
    (setq codeflow-edit--waiting nil)
    t))

(add-hook 'codeflow-show-file-functions #'codeflow-edit--refuse)

(defun codeflow-edit--give-up ()
  "Let the server stop, where this buffer waits for it."
  (when (eq codeflow-edit--waiting (current-buffer)) (setq codeflow-edit--waiting nil))
  (pcase-let ((`(,client . ,id) codeflow-edit--request))
    (setq codeflow-edit--request nil)
    (when client (codeflow-client-cancel client id))))

(defun codeflow-edit-leave ()
  "Leave the text as it is."
  (interactive)
  (quit-window t))

(defun codeflow-edit-apply ()
  "Make the edit that is shown."
  (interactive)
  (pcase-let ((`(,client ,edit ,ticks) (or codeflow-edit--proposal
                                           (user-error "CodeFlow: there is nothing to apply here"))))
    (quit-window t)
    (if (cl-loop for (buffer . tick) in ticks
                 always (and (buffer-live-p buffer) (eql tick (buffer-chars-modified-tick buffer))))
        (with-current-buffer (or (caar ticks) (current-buffer))
          (codeflow-client-apply client edit)
          (message "CodeFlow: applied; undo takes it back."))
      (user-error "CodeFlow: the text was changed meanwhile, so nothing was done; ask again"))))

(defun codeflow-edit--resolve (client action)
  "Have CLIENT's server make the edit of ACTION, and propose it."
  (when-let* ((before (get-buffer "*CodeFlow edit*"))) (kill-buffer before))
  (let* ((title (plist-get action :title))
         (buffer (codeflow-show-text "edit" (format "# %s\n# being written …   q: cancel\n" title)
                                     #'codeflow-edit-mode))
         id)
    (with-current-buffer buffer
      (setq codeflow-edit--proposal nil codeflow-edit--waiting buffer)
      (cl-flet ((when-awaited (act)
                  (when (and (buffer-live-p buffer) (eql id (cdr (buffer-local-value 'codeflow-edit--request buffer))))
                    (if (eq codeflow-edit--waiting buffer)
                        (progn (setq codeflow-edit--waiting nil)
                               (run-with-timer 0 nil act))
                      (with-current-buffer buffer (setq codeflow-edit--request nil))))))
        (setq id (codeflow-client-request
                  client "codeAction/resolve" action
                  (lambda (resolved)
                    (when-awaited
                     (lambda ()
                       (when (buffer-live-p buffer)
                         (if-let* ((edit (plist-get resolved :edit)))
                             (codeflow-edit--propose buffer client edit title)
                           (kill-buffer buffer)))))) ; the server has said why
                  (lambda (problem)
                    (when-awaited
                     (lambda ()
                       (kill-buffer buffer)
                       (when problem (message "CodeFlow: %s" problem)))))))
        (setq codeflow-edit--request (cons client id))))))

;;;###autoload
(defun codeflow-edit (instruction &optional start end)
  "Have the server edit by INSTRUCTION, a text, between START and END.
Interactively that is the region, or what point stands in."
  (interactive (list (read-string "CodeFlow, edit: ")
                     (and (use-region-p) (region-beginning))
                     (and (use-region-p) (region-end))))
  (when (string-blank-p instruction)
    (user-error "CodeFlow: say what is to be done"))
  (let ((client (codeflow-client-or-lose)))
    (codeflow-client-flush client)
    (codeflow-client-request
     client "codeflow/edit"
     (list :textDocument (list :uri (codeflow-client-uri client))
           :range (list :start (codeflow-client-position client start)
                        :end (codeflow-client-position client end))
           :instruction instruction
           :preview :json-false) ; the preview is ours
     (lambda (action)
       (when action (run-with-timer 0 nil #'codeflow-edit--resolve client action))) ; else the server said why
     (lambda (problem) (message "CodeFlow: %s" problem)))))

(provide 'codeflow-edit)
;;; codeflow-edit.el ends here
