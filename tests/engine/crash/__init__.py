"""What a killed process, a second process and a full disk leave behind: nothing that the next call does not mend."""
