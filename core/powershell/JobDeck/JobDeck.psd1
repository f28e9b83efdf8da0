@{
    RootModule = 'JobDeck.psm1'
    ModuleVersion = '0.1.0'
    GUID = 'b3c9d6c2-5f0e-4d5a-9a55-7a0d1b6d2f11'
    Author = 'jobdeck'
    Description = 'Run scripts as jobs from PowerShell, and look at them.'
    PowerShellVersion = '7.4'
    CompatiblePSEditions = @('Core')
    TypesToProcess = @('JobDeck.types.ps1xml')
    # named one by one: only what is named is found before the module is loaded
    FunctionsToExport = @(
        'Connect-PSUServer', 'Get-PSUAppToken', 'Get-PSUEnvironment', 'Get-PSUJob', 'Get-PSUJobFeedback', 'Get-PSUJobOutput',
        'Get-PSUJobParameter', 'Get-PSUJobPipelineOutput', 'Get-PSUSchedule', 'Get-PSUScript', 'Get-PSUScriptParameter',
        'Get-PSUTrigger', 'Get-PSUVariable', 'Grant-PSUAppToken', 'Invoke-PSUScript', 'New-PSUEnvironment', 'New-PSUSchedule',
        'New-PSUScript', 'New-PSUTrigger', 'New-PSUVariable', 'Remove-PSUEnvironment', 'Remove-PSUSchedule', 'Remove-PSUScript',
        'Remove-PSUTrigger', 'Remove-PSUVariable', 'Revoke-PSUAppToken', 'Set-PSUEnvironment', 'Set-PSUJobFeedback',
        'Set-PSUSchedule', 'Set-PSUScript', 'Set-PSUTrigger', 'Set-PSUVariable', 'Stop-PSUJob', 'Wait-PSUJob', 'Write-PSUError'
    )
    AliasesToExport = @(
        'Connect-UAServer', 'Get-UAAppToken', 'Get-UAEnvironment', 'Get-UAJob', 'Get-UAJobFeedback', 'Get-UAJobOutput',
        'Get-UAJobParameter', 'Get-UAJobPipelineOutput', 'Get-UASchedule', 'Get-UAScript', 'Get-UAScriptParameter',
        'Get-UATrigger', 'Get-UAVariable', 'Grant-UAAppToken', 'Invoke-UAScript', 'New-UAEnvironment', 'New-UASchedule',
        'New-UAScript', 'New-UATrigger', 'New-UAVariable', 'Remove-UAEnvironment', 'Remove-UASchedule', 'Remove-UAScript',
        'Remove-UATrigger', 'Remove-UAVariable', 'Revoke-UAAppToken', 'Set-UAEnvironment', 'Set-UAJobFeedback',
        'Set-UASchedule', 'Set-UAScript', 'Set-UATrigger', 'Set-UAVariable', 'Stop-UAJob', 'Wait-UAJob', 'Write-UAError'
    )
    CmdletsToExport = @()
    VariablesToExport = @()
    PrivateData = @{ PSData = @{ Tags = @('Jobs', 'Automation'); LicenseUri = ''; ProjectUri = '' } }
}
